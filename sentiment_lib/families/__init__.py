"""Ways to build a model, behind one protocol and one catalogue."""
