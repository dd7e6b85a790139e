"""Generated music: a song is drawn, then each stem is rendered from it."""
