"""Revisions of timelines: their history, changing them, asking about them."""
