"""Comparing two models, and the gate. Pure: no database, clock or network."""
