"""The loop: for each frame of a piece its layers, blended, to the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_renderer.compositor.planes import Planes, blended
from beatstitch_renderer.planning.frames import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch_renderer.compositor.sources import Sources


def pictures(content: ChunkContent, sources: Sources) -> Iterator[Planes]:
    """The piece's frames in order; the same object again where nothing changes."""
    for shown in layers(content):
        base = sources.picture(content.segments[shown[0].segment], shown[0])
        if len(shown) == 1:
            yield base
        else:
            upper = sources.picture(content.segments[shown[1].segment], shown[1])
            yield blended(base, upper, shown[1].weight)
