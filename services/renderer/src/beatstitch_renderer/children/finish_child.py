"""Joins the pieces in the work folder and reads the result back: a serialised FinishJob on stdin.

stdout: the measurements as JSON, nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
from beatstitch_core.timebase import rate_fraction
from beatstitch_media.child import main
from beatstitch_renderer.album import Album
from beatstitch_renderer.compositor.pictures import jpeg
from beatstitch_renderer.joining import join
from beatstitch_renderer.measuring import measure
from beatstitch_renderer.piece import read_header
from beatstitch_renderer.planning.encoding import container_of, has_sound, piece_encoding

SOUND = "sound"
VIDEO = "video"
POSTER, CONTACT_SHEET = "poster.jpg", "contact-sheet.jpg"
_THREADS = 2


def piece_name(index: int) -> str:
    """File name of a piece in the work folder."""
    return f"piece-{index:06d}"


def pack(plan: RenderPlan, cuts: list[int]) -> bytes:
    """The job on stdin: a line of JSON with the cuts to measure, then the plan without contents."""
    lean = RenderPlan()
    lean.CopyFrom(plan)
    for chunk in lean.chunks:
        chunk.ClearField("content")
    return json.dumps(cuts).encode() + b"\n" + lean.SerializeToString()


def work(job: bytes) -> bytes:
    """Joins, measures, leaves the pictures that stand for it; the result is the measurements."""
    line, _, data = job.partition(b"\n")
    plan = RenderPlan.FromString(data)
    folder = Path.cwd()
    pieces = [folder / piece_name(chunk.index) for chunk in plan.chunks]
    sound = folder / SOUND if has_sound(plan.profile) else None
    join(plan, pieces, sound, folder / VIDEO)
    composed = [mark for piece in pieces for mark in read_header(piece).signatures]
    rate = rate_fraction(plan.output.frame_rate)
    cuts = json.loads(line)
    album = Album(cuts, plan.frame_count)
    found = measure(
        folder / VIDEO,
        rate,
        composed,
        cuts,
        container=container_of(plan.profile),
        crf=piece_encoding(plan.profile).crf,
        threads=_THREADS,
        look=album.look,
    )
    for name, picture in ((POSTER, album.poster), (CONTACT_SHEET, album.contact_sheet)):
        if picture is not None:
            (folder / name).write_bytes(jpeg(picture))
    return json.dumps(found.as_facts()).encode()


if __name__ == "__main__":
    main(work)
