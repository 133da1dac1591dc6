"""Runs the migrations on the connection that `beatstitch_gateway.migrate` hands over."""

from __future__ import annotations

from alembic import context

from beatstitch_gateway.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
