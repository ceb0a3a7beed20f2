"""Back-ups and releases: what was saved, or written by an older release, is usable today."""
