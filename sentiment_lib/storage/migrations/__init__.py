"""Alembic's environment; `sentiment_lib.storage.migrate.upgrade` runs it."""
