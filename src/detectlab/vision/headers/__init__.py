"""Headers of picture files: kind, size and the cost of decoding, one module per format."""
