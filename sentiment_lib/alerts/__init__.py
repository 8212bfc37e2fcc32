"""Alert rules and notifications."""
