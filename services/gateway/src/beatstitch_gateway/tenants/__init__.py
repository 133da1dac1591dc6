"""Tenants and their keys: what may be said about them, and what becomes of it."""
