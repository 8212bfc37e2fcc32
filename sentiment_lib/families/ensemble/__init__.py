"""Families that combine the predictions of other families."""
