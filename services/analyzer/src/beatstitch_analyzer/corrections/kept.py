"""What is kept of a song for corrections, and its file: half floats in a compressed npz."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from beatstitch.v1 import failure_pb2
from beatstitch_analyzer.beats.flux import Evidence
from beatstitch_analyzer.beats.model import Activations, Floats
from beatstitch_core.errors import BeatStitchError

T = TypeVar("T", Activations, Evidence)

VERSION = 1
_NETWORK, _FLUX = "network_", "flux_"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """All that a decoder needs.

    Attributes:
        evidence: The onsets.
        activations: What the networks made of the song; None without networks.
    """

    evidence: Evidence
    activations: Activations | None = None

    @property
    def strength(self) -> Floats:
        """How much each frame sounds like a beat, (n,), any unit."""
        if self.activations is not None:
            return self.activations.any_beat
        return self.evidence.onset


def write_kept(kept: Kept) -> bytes:
    """The file; 150 kB for a minute of music."""
    arrays = _arrays(kept.evidence, _FLUX)
    if kept.activations is not None:
        arrays |= _arrays(kept.activations, _NETWORK)
    file = io.BytesIO()
    np.savez_compressed(file, version=VERSION, **arrays)
    return file.getvalue()


def read_kept(data: bytes) -> Kept:
    """What is in a file.

    Raises:
        BeatStitchError: INPUT_CORRUPT, the bytes are no such file of this version.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            if int(file["version"]) != VERSION:
                raise _corrupt()
            network = any(name.startswith(_NETWORK) for name in file.files)
            return Kept(
                evidence=_from_file(file, Evidence, _FLUX),
                activations=_from_file(file, Activations, _NETWORK) if network else None,
            )
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _corrupt() from error


def _arrays(parts: Activations | Evidence, prefix: str) -> dict[str, Any]:
    names = [field.name for field in fields(parts)]
    return {prefix + name: np.asarray(getattr(parts, name), np.float16) for name in names}


def _from_file(file: Any, kind: type[T], prefix: str) -> T:  # noqa: ANN401 - numpy's NpzFile
    values: dict[str, Any] = {}
    for field in fields(kind):
        values[field.name] = file[prefix + field.name].astype(np.float32)
    return kind(**values)


def _corrupt() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"not activations of version {VERSION}"
    )
