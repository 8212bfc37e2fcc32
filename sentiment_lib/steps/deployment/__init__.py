"""Steps that move the champion alias."""
