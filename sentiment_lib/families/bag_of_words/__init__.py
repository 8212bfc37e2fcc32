"""Bags of words: counts or tf-idf with a linear model."""
