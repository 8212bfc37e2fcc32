"""Ensembles: stacking and blending of other families."""
