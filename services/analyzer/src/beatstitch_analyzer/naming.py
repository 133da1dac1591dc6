"""Lets every failure say which file it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beatstitch_core.errors import BeatStitchError


@contextmanager
def about_file(asset_id: str, filename: str) -> Iterator[None]:
    """Adds the asset's id to a passing `BeatStitchError`, and the file's name where it lacks.

    Args:
        asset_id: Goes into the metadata; nothing is added where it is empty.
        filename: The client's name of the file.
    """
    try:
        yield
    except BeatStitchError as error:
        if asset_id:
            error.metadata.setdefault("asset_id", asset_id)
        if filename and filename not in error.message:
            error.message = f"{filename}: {error.message}"
            error.args = (error.message,)
        raise
