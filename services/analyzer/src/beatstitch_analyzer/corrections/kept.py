"""The file in which a tracker's evidence is kept: half floats in a compressed npz."""

from __future__ import annotations

import io
import zipfile
from typing import TypeAlias

import numpy as np

from beatstitch.v1 import failure_pb2
from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.model import Activations
from beatstitch_core.errors import BeatStitchError

Kept: TypeAlias = Activations | Evidence

VERSION = 1
_FIELDS = {
    "network": ("beat", "downbeat"),
    "flux": ("bands", "chroma", "loudness", "rise"),
}


def write_kept(kept: Kept) -> bytes:
    """The file; a minute of music is about 15 kB of a network's activations, 100 kB of flux."""
    kind = "network" if isinstance(kept, Activations) else "flux"
    arrays = {name: np.asarray(getattr(kept, name), np.float16) for name in _FIELDS[kind]}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, version=VERSION, kind=kind, **arrays)
    return file.getvalue()


def read_kept(data: bytes) -> Kept:
    """The evidence in a file.

    Raises:
        BeatStitchError: INPUT_CORRUPT, the bytes are no such file of this version.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            if int(file["version"]) != VERSION:
                raise _corrupt()
            kind = str(file["kind"])
            arrays = {name: file[name].astype(np.float32) for name in _FIELDS[kind]}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _corrupt() from error
    if kind == "network":
        return Activations(**arrays)
    return Evidence(
        bands=arrays["bands"],
        chroma=arrays["chroma"],
        loudness=arrays["loudness"],
        rise=float(arrays["rise"]),
    )


def _corrupt() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"not activations of version {VERSION}"
    )
