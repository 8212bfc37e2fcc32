"""Cost of each step by the number of stored tweets."""
