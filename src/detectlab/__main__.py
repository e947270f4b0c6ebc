"""`python -m detectlab` is the `detectlab` command."""

from detectlab.cli import main

main()
