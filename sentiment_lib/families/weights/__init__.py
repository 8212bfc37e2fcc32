"""Pre-trained weights: pinned packages, published checkpoints and their SHA-256."""
