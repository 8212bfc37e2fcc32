"""Erasure: where tweets may lie, how each place is searched and emptied, and what to search for."""
