"""Audio: files in and out, sample rates, the down-mix, pipes."""
