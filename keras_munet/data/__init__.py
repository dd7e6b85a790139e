"""Data: tracks, stems, the cache and its batches."""
