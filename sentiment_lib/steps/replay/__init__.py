"""Replays of retraining policies: read a history, compare, write page and JSON."""
