"""Coverage of every interval that the product shows."""
