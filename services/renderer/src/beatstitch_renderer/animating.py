"""A finished video to an animated GIF or WebP, with one palette for all of a GIF.

Both count in coarse clocks, GIF in hundredths of a second and WebP in milliseconds: frame i begins
at i / frame rate rounded to them, so that delays never add up to a drift.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace

from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_renderer.compositor.planes import SCALER
from beatstitch_renderer.planning.encoding import GIF, codec_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan

GIF_CLOCK = 100
WEBP_CLOCK = 1000
# Steady from frame to frame, unlike error diffusion, which shimmers; and it compresses.
_DITHER = "dither=bayer:bayer_scale=4:diff_mode=rectangle"
_WEBP = {"quality": "80", "compression_level": "4", "preset": "default", "lossless": "0"}


def animate(film: Path, plan: RenderPlan, output: Path) -> None:
    """Writes the animation; it plays for ever.

    Args:
        film: The video, without sound.
        plan: Of what it is.
        output: The file to write.
    """
    rate = rate_fraction(plan.output.frame_rate)
    if codec_of(plan.profile) == GIF:
        _gif(film, rate, plan.frame_count, output)
    else:
        _webp(film, rate, output)


def stamp(frame: int, rate: Fraction, clock: int) -> int:
    """When a frame begins, in ticks of the container's clock."""
    return round_half_up(frame / rate * clock)


def _gif(film: Path, rate: Fraction, count: int, output: Path) -> None:
    palette = _palette(film)
    last = stamp(count, rate, GIF_CLOCK) - stamp(count - 1, rate, GIF_CLOCK)
    options = {"loop": "0", "final_delay": str(last), "fflags": "+bitexact"}
    with av.open(str(output), "w", format="gif", container_options=options) as target:
        stream = target.add_stream("gif", rate=rate)
        stream.pix_fmt = "pal8"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, GIF_CLOCK)
        for frame, picture in enumerate(_dithered(film, palette)):
            if frame == 0:
                stream.width, stream.height = picture.width, picture.height
            picture.pts, picture.time_base = (
                stamp(frame, rate, GIF_CLOCK),
                Fraction(1, GIF_CLOCK),
            )
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))


def _palette(film: Path) -> av.VideoFrame:
    """The 256 colours that stand for all of the video."""
    graph: Any = None
    for picture in map(_as_rgb, _pictures(film)):
        if graph is None:
            graph = Graph()
            source = _source(graph, picture)
            graph.link_nodes(
                source,
                graph.add("palettegen", "stats_mode=full:reserve_transparent=1"),
                graph.add("buffersink"),
            ).configure()
        graph.push(picture)
    graph.push(None)
    found: av.VideoFrame = graph.pull()
    return found


def _dithered(film: Path, palette: av.VideoFrame) -> Iterator[av.VideoFrame]:
    graph: Any = None
    for picture in map(_as_rgb, _pictures(film)):
        if graph is None:
            graph = Graph()
            source, colours = _source(graph, picture), _source(graph, palette)
            use, sink = graph.add("paletteuse", _DITHER), graph.add("buffersink")
            source.link_to(use, 0, 0)
            colours.link_to(use, 0, 1)
            use.link_to(sink)
            graph.configure()
            colours.push(palette)
            colours.push(None)
        source.push(picture)
        yield from _ready(graph)
    source.push(None)
    yield from _ready(graph)


def _as_rgb(picture: av.VideoFrame) -> av.VideoFrame:
    # Not left to the graph, which would take small pictures for BT.601.
    return picture.reformat(
        format="bgra",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        interpolation=SCALER,
        threads=1,
    )


def _ready(graph: Any) -> Iterator[av.VideoFrame]:  # noqa: ANN401 - PyAV's graphs are untyped
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            yield graph.pull()


def _source(graph: Any, picture: av.VideoFrame) -> Any:  # noqa: ANN401
    return graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=Fraction(picture.time_base or Fraction(1, 1000)),
    )


def _webp(film: Path, rate: Fraction, output: Path) -> None:
    """Each picture whole: a WebP knows no motion, so parts of pictures would save little."""
    options = {"loop": "0", "fflags": "+bitexact"}
    with av.open(str(output), "w", format="webp", container_options=options) as target:
        stream = target.add_stream("libwebp", rate=rate, options=_WEBP)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, WEBP_CLOCK)
        for frame, shown in enumerate(_pictures(film)):
            # WebP is BT.601 by its definition.
            picture = shown.reformat(
                src_colorspace=Colorspace.ITU709,
                dst_colorspace=Colorspace.ITU601,
                format="yuv420p",
                interpolation=SCALER,
                threads=1,
            )
            if frame == 0:
                stream.width, stream.height = picture.width, picture.height
            picture.pts, picture.time_base = (
                stamp(frame, rate, WEBP_CLOCK),
                Fraction(1, WEBP_CLOCK),
            )
            picture.duration = stamp(frame + 1, rate, WEBP_CLOCK) - picture.pts
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))


def _pictures(film: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(film), "r", format="mov", options={"protocol_whitelist": "file"}) as file:
        file.streams.video[0].codec_context.thread_count = 1
        yield from file.decode(file.streams.video[0])
