"""Steps that watch drift and quality."""
