"""Looks for inputs that cost too much; `python -m fuzz` with tests/ on the path, or `make fuzz`."""
