"""Rules that open alerts, and their delivery."""
