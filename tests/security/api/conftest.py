"""Attacks on the API go against the app of tests/serving."""

from tests.serving.conftest import champion, client, database_url, deploy, key, rows, settings

__all__ = ["champion", "client", "database_url", "deploy", "key", "rows", "settings"]
