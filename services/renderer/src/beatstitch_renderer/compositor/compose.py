"""The loop: for each frame of a piece its layers, with their accents, by their way in, overlaid."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from beatstitch_renderer.compositor.accents import accented
from beatstitch_renderer.compositor.overlays import Overlays
from beatstitch_renderer.compositor.transitions import between
from beatstitch_renderer.planning.frames import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch_renderer.compositor.planes import Planes
    from beatstitch_renderer.compositor.sources import Sources
    from beatstitch_renderer.planning.frames import Layer


def pictures(content: ChunkContent, sources: Sources) -> Iterator[Planes]:
    """The piece's frames in order; the same object again where nothing changes."""
    draw = partial(_drawn, content, sources)
    above = Overlays(content, sources.pixels)
    for frame, shown in enumerate(layers(content)):
        if len(shown) == 1:
            picture = draw(shown[0])
        else:
            lower, upper = shown
            way_in = content.segments[upper.segment].transition_in
            picture = between(way_in, partial(draw, lower), partial(draw, upper), upper.weight)
        yield above.over(picture, frame)


def _drawn(content: ChunkContent, sources: Sources, layer: Layer) -> Planes:
    segment = content.segments[layer.segment]
    picture = sources.picture(segment, layer)
    if not segment.accents:
        return picture
    anchor = partial(sources.anchor, segment, layer)
    return accented(picture, segment.accents, layer.step, anchor)
