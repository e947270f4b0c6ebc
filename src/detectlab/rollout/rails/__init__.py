"""Guard rails: each judges one property of a candidate; one file and one entry in `registry`."""
