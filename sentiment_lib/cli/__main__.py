"""`python -m sentiment_lib.cli`, where the `sentiment` command is not on the path."""

from sentiment_lib.cli import main

main()
