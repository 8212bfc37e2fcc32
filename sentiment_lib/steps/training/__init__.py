"""Steps from a retrain request to a registered candidate."""
