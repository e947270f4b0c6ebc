"""The `detectlab` command, one module per group of commands."""
