"""Alerts: seconds from the third wrong prediction to the message."""
