"""`python -m detectlab` is the `detectlab` command."""

from detectlab.cli.main import main

main()
