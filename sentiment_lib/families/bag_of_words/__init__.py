"""Bag-of-words models: n-gram counts and TF-IDF under a linear classifier."""
