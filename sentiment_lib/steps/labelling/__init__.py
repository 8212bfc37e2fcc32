"""Steps by which people label tweets."""
