"""Alembic's migrations; run by `python -m beatstitch_gateway.migrate`."""
