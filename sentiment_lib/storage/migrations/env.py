"""Run migrations on the connection that `migrate.upgrade` opened; the lock lets two upgrades run at once safely."""

from __future__ import annotations

from alembic import context

from sentiment_lib.storage.tables import Base

connection = context.config.attributes["connection"]
connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7000)")
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
