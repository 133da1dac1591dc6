"""A timeline of all that an EDL can say about pictures, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from beatstitch.v1 import edl_pb2
from beatstitch_core.edl.ways_in import DIRECTED
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.photos import paint

if TYPE_CHECKING:
    import numpy as np

SIZE = (320, 180)
PUNCH, FLASH = edl_pb2.ACCENT_TYPE_PUNCH_IN, edl_pb2.ACCENT_TYPE_FLASH
WHOLE = 65_536


def us(frame: int) -> int:
    return round(frame * 1_000_000 / 30)


def picture(folder, name: str, pixels: np.ndarray):
    Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder / f"{name}.png"


def tall_photo(folder):
    return picture(folder, "tall", paint("mountains", size=(540, 960)))


def everything(studio, folder):
    """An EDL with every transition, alignment, fit, speed and blow, long and short segments."""
    wide = [
        coded_clip(folder / f"{i}.mp4", source_id=i, frames=90, size=SIZE, gop=40) for i in (1, 2)
    ]
    tall = coded_clip(folder / "3.mp4", source_id=3, frames=60, size=(180, 320))
    photos = [picture(folder, name, paint(name, size=(400, 300))) for name in ("dunes", "city")]
    photos.append(tall_photo(folder))
    shots, fits = [], edl_pb2.Fit.values()[1:]
    sources = [wide[0], photos[0], tall, wide[1], photos[1], wide[0], photos[2]]
    for i in range(16):
        source = sources[i * 3 % 7]
        length, fit = (150 if i in {4, 9} else 18 + i), fits[i % 4]
        if isinstance(source, type(tall)):
            fill = edl_pb2.FillPolicy.values()[1 + i % 2]
            shots.append(studio.Shot(source.path, length, us(3 * i), us(55), fit=fit, fill=fill))
        else:
            move = edl_pb2.KenBurns()
            getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=WHOLE, h=WHOLE))
            move.to.CopyFrom(edl_pb2.UnitRect(x=9_000, y=9_000, w=48_000, h=48_000))
            shots.append(studio.Shot(source, length, fit=fit, move=move if i % 3 else None))
    edl = studio.edl(shots)
    kinds, directions = edl_pb2.TransitionType.values()[2:], edl_pb2.Direction.values()[1:]
    for i, segment in enumerate(edl.segments):
        if i:
            half = min(shots[i].frames, shots[i - 1].frames) // 2
            way_in = segment.transition_in
            way_in.type, way_in.frames = kinds[i % 7], half if i % 2 else half // 2
            way_in.align = edl_pb2.TransitionAlign.values()[1 + i % 3]
            if way_in.type in DIRECTED:
                way_in.direction = directions[i % 4]
        if segment.source_out_us and i % 2:
            segment.speed.points.add(frame=0, rate=30_000)
            segment.speed.points.add(frame=12, rate=180_000)
        if segment.fit == edl_pb2.FIT_FOCUS:
            segment.focus.x, segment.focus.y = 12_000, 50_000
        for frame in range(i % 5, shots[i].frames - 6, 40):
            segment.accents.add(type=PUNCH, frame=frame, frames=6, amount=9_000)
            segment.accents.add(type=FLASH, frame=frame + 1, frames=5, amount=30_000)
    way_in = edl.segments[9].transition_in
    way_in.align = edl_pb2.TRANSITION_ALIGN_START
    return shots, edl
