"""Postgres storage: tables, migrations, and the SQL of each aggregate in a module of its own."""
