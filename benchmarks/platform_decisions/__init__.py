"""Decisions on equal and worse models through the platform's SQL, gate and promotion watch."""
