"""How the rows of a network become boxes: one module per output format."""
