"""`python -m valgap`: the command line where nothing is installed."""

from valgap.cli import main

main()
