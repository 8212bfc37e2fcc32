"""One verb per file: where the outside world and the science meet."""
