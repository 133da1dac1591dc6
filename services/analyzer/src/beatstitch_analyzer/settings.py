"""What the analyzer can be told through its environment (prefix BEATSTITCH_)."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field

from beatstitch_core.limits import ANALYSIS_TIMEOUT_S, CHILD_MEMORY_BYTES, MEDIA_TIMEOUT_S
from beatstitch_runtime.settings import ServiceSettings


class AnalyzerSettings(ServiceSettings):
    """Settings of the analyzer.

    Attributes:
        analyzer_backend: "auto" takes madmom where it is installed; the others force a tracker.
        analysis_slots: Songs of each lane that are analysed at the same time; 0 for none.
        ingest_slots: Pictures and clips of each lane that are looked at at the same time; 0 for
            none.
        analysis_timeout_s: A song that takes longer is given up.
        analysis_memory_bytes: Address space of the child that finds the beats.
        analysis_threads: Threads of that child.
        ingest_timeout_s: A picture or clip that takes longer is given up.
        rpc_slots: Analyses and probes of RPCs at the same time; others wait.
    """

    analyzer_backend: Literal["auto", "madmom", "librosa"] = "auto"
    analysis_slots: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=0)
    ingest_slots: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=0)
    analysis_timeout_s: float = Field(ANALYSIS_TIMEOUT_S, gt=0)
    analysis_memory_bytes: int = Field(CHILD_MEMORY_BYTES, gt=0)
    analysis_threads: int = Field(1, ge=1)
    ingest_timeout_s: float = Field(MEDIA_TIMEOUT_S, gt=0)
    rpc_slots: int = Field(2, ge=1)
