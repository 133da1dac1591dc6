"""Versions of what the trackers stand on, without importing it."""

from __future__ import annotations

import importlib.util
from importlib import metadata


def tracker_version(name: str) -> str | None:
    """For example "madmom 0.17.post1"; None where the tracker can't be used here."""
    if name == "librosa":
        # Our own code in numpy and scipy, see `flux`.
        return f"numpy {metadata.version('numpy')}; scipy {metadata.version('scipy')}"
    if importlib.util.find_spec(name) is None:
        return None
    for distribution in (f"{name}-prebuilt", name):
        try:
            return f"{name} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            continue
    return f"{name} of unknown version"
