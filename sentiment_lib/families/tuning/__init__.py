"""Hyperparameter search: successive halving over time-ordered folds."""
