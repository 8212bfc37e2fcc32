"""Steps that monitor drift and quality."""
