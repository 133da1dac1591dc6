"""Which picture or clip a segment shows: the given order, from the start again when used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia


def choose(media: Sequence[ReadyMedia], index: int) -> ReadyMedia:
    """What segment `index` (from 0) shows; `media` is not empty."""
    return media[index % len(media)]
