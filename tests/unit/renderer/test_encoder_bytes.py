"""The same pictures make the same bytes, also where x264 has faster ways that don't."""

from __future__ import annotations

import hashlib
from fractions import Fraction

from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch_renderer.compositor.encoder import Encoder
from beatstitch_renderer.compositor.planes import Planes, from_rgb
from beatstitch_renderer.planning.encoding import piece_encoding
from beatstitch_samples import clips

# No multiple of 128: with AVX-512 x264's mbtree reads beyond its rows there.
SIZE = (352, 640)


def coded(pictures: list[Planes]) -> str:
    output = OutputFormat(width=SIZE[0], height=SIZE[1])
    output.frame_rate.num = 30
    encoder = Encoder(output, piece_encoding(RenderProfile(preset="veryfast", crf=20)))
    digest = hashlib.sha256()
    for picture in pictures:
        for one in encoder.encode(picture, key=False):
            digest.update(one.data)
    for one in encoder.finish():
        digest.update(one.data)
    return digest.hexdigest()


def test_pictures_are_coded_alike_each_time():
    pictures = [from_rgb(rgb) for rgb in clips.frames("rain", 0, SIZE, Fraction(30), 30)]
    assert len({coded(pictures) for _ in range(8)}) == 1
