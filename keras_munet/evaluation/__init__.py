"""Scores of separated stems, their reports and comparisons."""
