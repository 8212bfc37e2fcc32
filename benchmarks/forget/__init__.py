"""Forgetting: tweets planted in every store, some of them forgotten, and a search of every byte."""
