"""Rules of the promotion gate, by what they judge."""
