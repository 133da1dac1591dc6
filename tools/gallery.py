"""`make gallery`: draws docs/gallery/*.jpg, contact sheets of all that the renderer can show.

The pictures and clips are made by code, the frames are composed as for a render, without encoding.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from gallery_sheet import Row, draw_sheet
from numpy.typing import NDArray

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl, Overlay, Segment
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch_core.canonical import sha256_hex
from beatstitch_media.image import load_image
from beatstitch_renderer.compositor.compose import pictures
from beatstitch_renderer.compositor.sources import SourceFile, Sources
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples import coded_clip, decode_frame_code, write_clip, write_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE = (640, 360)
LENGTH, FRAMES = 30, 14
DIRECTIONS = {name[10:].lower(): value for name, value in edl_pb2.Direction.items() if value}
UNIT = 65_536


@dataclass(frozen=True)
class Material:
    """The files that the sheets show."""

    one: Path
    other: Path
    tall: Path
    wide: Path
    clip: Path
    tall_clip: Path
    numbered: Path
    mark: Path

    @classmethod
    def write(cls, folder: Path) -> Material:
        """Makes them."""
        return cls(
            one=write_photo(folder / "one.jpg", "mountains"),
            other=write_photo(folder / "other.jpg", "city", seed=3),
            tall=write_photo(folder / "tall.jpg", "aurora", size=(900, 1600)),
            wide=write_photo(folder / "wide.jpg", "ocean", size=(2400, 700)),
            clip=write_clip(folder / "clip.mp4", "neon", count=90),
            tall_clip=write_clip(folder / "tall.mp4", "bokeh", size=(360, 640), count=30),
            numbered=coded_clip(folder / "numbered.mp4", source_id=1, frames=120).path,
            mark=write_mark(folder / "mark.png"),
        )


def write_mark(path: Path) -> Path:
    """A ring and a dot on nothing, as a watermark is drawn."""
    pixels = np.zeros((200, 200, 4), np.uint8)
    for radius, thickness in ((80, 24), (28, -1)):
        cv2.circle(pixels, (100, 100), radius, (255, 255, 255, 255), thickness, cv2.LINE_AA)
    cv2.imwrite(str(path), pixels)
    return path


def shot(path: Path, frames: int = LENGTH, **fields: object) -> Segment:
    """A segment of so many frames; a clip from its second 0.5 on."""
    moves = path.suffix == ".mp4"
    made = Segment(**fields)  # type: ignore[arg-type]
    made.media_asset_id, made.media_sha256 = str(path), sha256_hex(path.read_bytes())
    made.media_type = common_pb2.MEDIA_TYPE_VIDEO if moves else common_pb2.MEDIA_TYPE_IMAGE
    made.timeline_out_frame = frames
    if moves:
        made.source_in_us, made.source_out_us = 500_000, 60_000_000
    return made


def compose(
    segments: Sequence[Segment], frames: Sequence[int], overlays: Sequence[Overlay] = ()
) -> list[NDArray[np.uint8]]:
    """Some frames of a video of these segments at 30 frames a second, packed RGB."""
    edl = Edl(version="1.0", segments=segments, overlays=overlays)
    edl.output.width, edl.output.height = SIZE
    edl.output.frame_rate.num = 30
    at = 0
    for segment in edl.segments:
        segment.timeline_in_frame = at
        segment.timeline_out_frame = at = at + segment.timeline_out_frame
    plan = plan_render(edl, RenderProfile(preset="veryfast", crf=20), "gallery")
    files = {
        segment.media_sha256: SourceFile(
            Path(segment.media_asset_id), "mov" if segment.source_out_us else ""
        )
        for segment in edl.segments
    }
    for mark in (overlay.picture for overlay in overlays if overlay.HasField("picture")):
        files[mark.media_sha256] = SourceFile(Path(mark.media_asset_id), "")
    found = {}
    for chunk in plan.chunks:
        sources = Sources(files, edl.output, load_still)
        for frame, planes in enumerate(pictures(chunk.content, sources), chunk.start_frame):
            if frame in frames:
                flat = np.concatenate([np.ascontiguousarray(p).reshape(-1) for p in planes.all])
                tall = SIZE[1] * 3 // 2
                rgb = cv2.cvtColor(flat.reshape(tall, SIZE[0]), cv2.COLOR_YUV2RGB_I420)
                found[frame] = np.asarray(rgb, np.uint8)
        sources.close()
    return [found[frame] for frame in frames]


def load_still(path: Path, at_least: tuple[int, int]) -> NDArray[np.uint8]:
    """A still picture's pixels."""
    return load_image(path, at_least=at_least)


def way_in(
    files: Material,
    kind: str,
    align: str = "END",
    direction: edl_pb2.Direction.ValueType = edl_pb2.DIRECTION_UNSPECIFIED,
) -> list[Segment]:
    """Two segments and the transition between them."""
    new = shot(files.other)
    new.transition_in.type = edl_pb2.TransitionType.Value(f"TRANSITION_TYPE_{kind}")
    new.transition_in.align = edl_pb2.TransitionAlign.Value(f"TRANSITION_ALIGN_{align}")
    new.transition_in.direction = direction
    new.transition_in.frames = FRAMES
    return [shot(files.one), new]


def row(
    title: str,
    segments: Sequence[Segment],
    frames: Sequence[int],
    first: int = 0,
    overlays: Sequence[Overlay] = (),
) -> Row:
    """A row of a sheet, its frames counted from `first`."""
    captions = [f"frame {frame - first}" for frame in frames]
    return Row(title, list(zip(compose(segments, frames, overlays), captions, strict=True)))


def fades(files: Material) -> list[Row]:
    """Transitions that don't move."""
    frames = [LENGTH - FRAMES + i for i in (-1, 1, 4, 6, 9, 12, 14)]
    kinds = ("CROSSFADE", "FADE_BLACK", "FADE_WHITE", "ZOOM")
    return [row(kind, way_in(files, kind), frames, LENGTH) for kind in kinds]


def moves(files: Material) -> list[Row]:
    """Transitions with a direction."""
    frames = [LENGTH - FRAMES + i for i in (-1, 1, 4, 6, 9, 12, 14)]
    return [
        row(f"{kind} {name}", way_in(files, kind, direction=value), frames, LENGTH)
        for kind in ("WIPE", "SLIDE", "PUSH")
        for name, value in DIRECTIONS.items()
    ]


def aligned(files: Material) -> list[Row]:
    """One transition before, around and after its cut, which is frame 0."""
    frames = [LENGTH + i for i in (-15, -10, -5, 0, 5, 10, 15)]
    return [
        row(f"PUSH, {align}", way_in(files, "PUSH", align, DIRECTIONS["left"]), frames, LENGTH)
        for align in ("END", "CENTRE", "START")
    ]


def blows(files: Material) -> list[Row]:
    """Accents that begin at frame 4."""
    frames = [3, 4, 5, 6, 8, 10, 12]
    kinds = (("PUNCH_IN", 16_384), ("FLASH", UNIT))
    rows = []
    for kind, amount in kinds:
        for path in (files.one, files.clip):
            segment = shot(path)
            value = edl_pb2.AccentType.Value(f"ACCENT_TYPE_{kind}")
            segment.accents.add(type=value, frame=4, frames=8, amount=amount)
            what = "clip" if segment.source_out_us else "picture"
            rows.append(row(f"{kind} of 8 frames on a {what}", [segment], frames))
    return rows


def fits(files: Material) -> list[Row]:
    """Pictures and clips of other shapes than the frame's."""
    rows = []
    for title, path in (
        ("A tall picture", files.tall),
        ("A wide picture", files.wide),
        ("A tall clip", files.tall_clip),
    ):
        shown = [
            (shot(path, fit=edl_pb2.Fit.Value(f"FIT_{name}")), name)
            for name in ("COVER", "CONTAIN", "BLUR")
        ]
        for x, y, name in ((8_000, 12_000, "12 %, 18 %"), (57_000, 53_000, "87 %, 81 %")):
            focus = edl_pb2.UnitPoint(x=x, y=y)
            shown.append((shot(path, fit=edl_pb2.FIT_FOCUS, focus=focus), f"FOCUS at {name}"))
        rows.append(Row(title, [(compose([one], [0])[0], name) for one, name in shown]))
    return rows


def ken_burns(files: Material) -> list[Row]:
    """Slow moves; each of the first three has the same picture and another fit."""
    whole, near = edl_pb2.UnitRect(w=UNIT, h=UNIT), edl_pb2.UnitRect(x=9_000, y=6_000)
    near.w = near.h = 45_000
    frames = [0, 15, 30, 45, 59]
    rows = []
    for title, path, fit in (
        ("Nearer, COVER", files.one, edl_pb2.FIT_COVER),
        ("Nearer, CONTAIN", files.tall, edl_pb2.FIT_CONTAIN),
        ("Nearer, BLUR", files.tall, edl_pb2.FIT_BLUR),
    ):
        segment = shot(path, 60, fit=fit)
        getattr(segment.effect.ken_burns, "from").CopyFrom(whole)
        segment.effect.ken_burns.to.CopyFrom(near)
        rows.append(row(title, [segment], frames))
    pan = shot(files.wide, 60)
    side = round(UNIT * Fraction(700 * 16, 2400 * 9))
    getattr(pan.effect.ken_burns, "from").CopyFrom(edl_pb2.UnitRect(w=side, h=UNIT))
    pan.effect.ken_burns.to.CopyFrom(edl_pb2.UnitRect(x=UNIT - side, w=side, h=UNIT))
    return [*rows, row("From left to right", [pan], frames)]


def speeds(files: Material) -> list[Row]:
    """A clip whose frames carry their numbers, read back here."""
    frames = [0, 10, 20, 30, 40]
    rows = []
    for title, points in (
        ("A quarter of its speed", [(0, UNIT // 4)]),
        ("Its own speed", [(0, UNIT)]),
        ("Twice its speed", [(0, 2 * UNIT)]),
        ("From a quarter to three times, in 40 frames", [(0, UNIT // 4), (40, 3 * UNIT)]),
    ):
        segment = shot(files.numbered, 41)
        for frame, rate in points:
            segment.speed.points.add(frame=frame, rate=rate)
        shown = []
        for frame, rgb in zip(frames, compose([segment], frames), strict=True):
            code = decode_frame_code(rgb)
            shown.append((rgb, f"frame {frame}: the clip's {code[1] if code else '?'}"))
        rows.append(Row(title, shown))
    return rows


def overlaid(files: Material) -> list[Row]:
    """Text in four scripts, and a watermark over a cut."""
    texts = {
        "Text and veil": "Tel Aviv\nAVENUE, To Wave",
        "Greek and Cyrillic": "Καλό καλοκαίρι\nПривет, лето",
        "Devanagari": "नमस्ते दुनिया\nक्षत्रिय Summer",
    }
    rows = []
    for title, text in texts.items():
        card = Overlay(in_frame=0, out_frame=LENGTH, fade_frames=8)
        card.text.text, card.text.rgb, card.text.line_height = text, 0xFFFFFF, UNIT // 8
        card.text.centre.x = card.text.centre.y = UNIT // 2
        card.text.veil_opacity = UNIT * 35 // 100
        rows.append(row(title, [shot(files.one)], [0, 3, 7, 15, 25], overlays=[card]))
    mark = Overlay(in_frame=0, out_frame=2 * LENGTH)
    mark.picture.media_asset_id = str(files.mark)
    mark.picture.media_sha256 = sha256_hex(files.mark.read_bytes())
    mark.picture.opacity = UNIT * 6 // 10
    mark.picture.place.x, mark.picture.place.y = UNIT * 87 // 100, UNIT * 79 // 100
    mark.picture.place.w, mark.picture.place.h = UNIT * 10 // 100, UNIT * 18 // 100
    frames = [LENGTH + i for i in (-15, -12, -8, -4, 4)]
    rows.append(row("Watermark", way_in(files, "CROSSFADE"), frames, LENGTH, [mark]))
    return rows


SHEETS: dict[str, tuple[str, Callable[[Material], list[Row]]]] = {
    "fades": ("Transitions of 14 frames; the cut is frame 0", fades),
    "moves": ("Transitions with a direction", moves),
    "aligned": ("Where a transition lies; the cut is frame 0", aligned),
    "accents": ("Accents from frame 4 on", blows),
    "fits": ("Fits", fits),
    "ken-burns": ("Ken Burns", ken_burns),
    "speeds": ("Speeds", speeds),
    "overlays": ("Titles and watermark", overlaid),
}


def main() -> None:
    """Draws the sheets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheets", nargs="*", choices=[*SHEETS, []], help="all by default")
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        files = Material.write(Path(folder))
        for name in chosen.sheets or SHEETS:
            title, make = SHEETS[name]
            path = draw_sheet(chosen.out / f"{name}.jpg", title, make(files))
            print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
