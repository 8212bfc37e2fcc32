"""Retrain rules: one module each, listed in `catalog.RULES`, evaluated every ten minutes by the DAG `maintain`."""
