"""Which detectors there are, and where their files are."""
