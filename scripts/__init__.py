"""Scripts of the project itself, called by make."""
