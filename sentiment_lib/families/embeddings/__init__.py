"""Logistic regression over word vectors and frozen sentence encoders."""
