"""Pages and queries over ten million predictions."""
