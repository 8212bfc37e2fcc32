"""Quality, cost and speed of the model families."""
