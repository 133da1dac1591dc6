"""Renders: in which shape, and their jobs."""
