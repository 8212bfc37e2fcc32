"""Routes of the console: a module for each part of its menu."""
