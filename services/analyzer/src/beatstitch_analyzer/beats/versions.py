"""Versions of the packages the trackers stand on, without importing them."""

from __future__ import annotations

import importlib.util
from importlib import metadata


def tracker_version(name: str) -> str | None:
    """Version of "madmom" or "librosa"; None where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return None
    for distribution in (f"{name}-prebuilt", name):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"
