"""Transformers that are fine-tuned: networks, training loop, checkpoints and warm starts."""
