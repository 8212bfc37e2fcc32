"""Fine-tuned transformers: networks, training loop, checkpoints and warm starts."""
