"""Pictures with each output: made in the finish step, found again, brought back when gone."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from support.renderer_room import Room, cutting

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch_core.ids import new_id
from beatstitch_samples.coded import decode_frame_code


async def picture(room: Room, ref) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(await room.storage.get(ref.key))).convert("RGB"))


def again(spec: JobSpec) -> JobSpec:
    copy = JobSpec.FromString(spec.SerializeToString())
    copy.job_id = new_id()
    return copy


async def test_poster_and_contact_sheet(room: Room, studio, clips, song):
    edl = cutting(studio, clips)
    spec = await room.spec(edl, song, [clip.path for clip in clips], studio.profile())
    made = (await room.end_of(spec)).output
    poster = await picture(room, made.poster)
    starts = [(clips[i % 3].source_id, (i % 4) * 15) for i in range(24)]
    assert decode_frame_code(poster) in starts
    paper = await picture(room, made.contact_sheet)
    high, wide = edl.output.height, edl.output.width
    rows, columns = 5, 5
    assert paper.shape == (rows * (high + 4) + 4, columns * (wide + 4) + 4, 3)
    codes = []
    for index in range(24):
        y, x = 4 + index // 5 * (high + 4), 4 + index % 5 * (wide + 4)
        codes.append(decode_frame_code(paper[y : y + high, x : x + wide]))
    assert codes == [(source, first + 7) for source, first in starts]

    found = (await room.end_of(again(spec))).output
    assert (found.poster, found.contact_sheet) == (made.poster, made.contact_sheet)
    await room.storage.delete([made.poster.key])
    back = (await room.end_of(again(spec))).output
    assert back.poster == made.poster
    assert await room.storage.exists(made.poster.key)
    assert back.output.sha256 == made.output.sha256
