"""The HTTP API, its pages, and the spool that makes predictions durable."""
