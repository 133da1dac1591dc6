"""Bringing files in: what may come, and how it is PUT."""
