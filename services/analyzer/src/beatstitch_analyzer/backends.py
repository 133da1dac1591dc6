"""Which tracker is to be used: what was asked for, what is installed, what there is time for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, TypeAlias

from beatstitch.v1 import analysis_service_pb2, failure_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.info_service_pb2 import AnalyzerInfo
from beatstitch_analyzer import __version__
from beatstitch_analyzer.beats.model import METRES
from beatstitch_analyzer.beats.versions import tracker_version
from beatstitch_core.errors import BeatStitchError

Backend: TypeAlias = Literal["auto", "madmom", "librosa"]
BackendName: TypeAlias = Literal["madmom", "librosa"]

MADMOM_LICENCE = "CC BY-NC-SA 4.0"
MADMOM_LONGEST_US = 60 * 60 * 1_000_000
"""For longer songs the networks need too long; asked for by name they are tried all the same."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision: the tracker, whether a better one was wanted, and the metres to choose from."""

    name: BackendName
    fell_back: bool = False
    metres: tuple[int, ...] = METRES


@functools.cache
def installed() -> dict[BackendName, str]:
    """Trackers and their versions, best first. Imports none of them."""
    names: tuple[BackendName, ...] = ("madmom", "librosa")
    found = {name: tracker_version(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def choose(settings: AnalysisSettings, backend: Backend, duration_us: int) -> Choice:
    """The tracker for a song.

    Args:
        settings: What the client asked for.
        backend: What the service was set up with; "auto" takes the best that is installed.
        duration_us: Length of the song.

    Raises:
        BeatStitchError: FAILED_PRECONDITION, madmom was asked for by name and is not available.
    """
    metres = tuple(sorted(set(settings.beats_per_bar))) or METRES
    usable = "madmom" in installed() and backend != "librosa"
    if settings.analyzer == analysis_service_pb2.ANALYZER_CHOICE_LIBROSA:
        return Choice("librosa", metres=metres)
    if settings.analyzer == analysis_service_pb2.ANALYZER_CHOICE_MADMOM:
        if not usable:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_OUTPUT_NOT_AVAILABLE,
                "the analyzer madmom is not available on this server",
                metadata={"analyzer": "madmom"},
            )
        return Choice("madmom", metres=metres)
    if backend == "librosa":
        return Choice("librosa", metres=metres)
    if not usable or duration_us > MADMOM_LONGEST_US:
        return Choice("librosa", fell_back=True, metres=metres)
    return Choice("madmom", metres=metres)


def analyzer_infos(backend: Backend) -> list[AnalyzerInfo]:
    """What this server can use, best first."""
    return [
        AnalyzerInfo(
            name=name,
            version=f"{version}; beatstitch-analyzer {__version__}",
            model_licence=MADMOM_LICENCE if name == "madmom" else "",
        )
        for name, version in installed().items()
        if not (backend == "librosa" and name == "madmom")
    ]
