"""How a network's outputs become boxes: one module per output format, one entry in `registry`."""
