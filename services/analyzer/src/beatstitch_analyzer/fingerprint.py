"""Names everything besides the file that decides the bytes of an analysis.

Two analyzers with one fingerprint find the same beats, so they may share artefacts; any change of
what is found must change `ANALYSIS_VERSION`.
"""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib import metadata

from beatstitch_analyzer import waveform
from beatstitch_analyzer.backends import Choice, installed
from beatstitch_core.keys import artefact_key
from beatstitch_media.binaries import ffmpeg_build

ANALYSIS_VERSION = 4
INGEST_VERSION = 5
_LIBRARIES = ("numpy", "scipy")


@functools.cache
def analyzer_fingerprint(choice: Choice) -> str:
    """For example "beatstitch-analyzer 1; madmom 0.17.post1; numpy 2.4.6; …"."""
    libraries = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return "; ".join(
        [
            f"beatstitch-analyzer {ANALYSIS_VERSION}",
            f"{choice.name}: {installed().get(choice.name, 'none')}",
            f"fell back {choice.fell_back}",
            f"metres {choice.metres}",
            *libraries,
            f"waveform {waveform.VERSION}",
            ffmpeg_build(),
            platform.machine(),
        ]
    )


@functools.cache
def ingest_fingerprint() -> str:
    """Names what decides a probe, a thumbnail, traits, a filmstrip and a proxy."""
    return "; ".join(
        [
            f"beatstitch-ingest {INGEST_VERSION}",
            *(f"{name} {metadata.version(name)}" for name in ("pillow", "av", "numpy")),
            ffmpeg_build(),
        ]
    )


def artefact(prefix: str, kind: str, sha256: str, fingerprint: str, suffix: str = "") -> str:
    """Key of what is made of a file.

    Args:
        prefix: Of the tenant.
        kind: "grid", "waveform", "activations", "thumb" or "probe".
        sha256: Of the file.
        fingerprint: Of the maker.
        suffix: For people who look into the bucket.
    """
    digest = hashlib.sha256(f"{kind}\n{sha256}\n{fingerprint}".encode()).hexdigest()
    return artefact_key(prefix, kind, digest, suffix)
