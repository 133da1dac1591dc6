"""Every codec in every container: the right frames at the right times, the same twice."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import grpc
import numpy as np
import pytest
from PIL import Image
from support.renderer_room import SMALL, Room, cutting

from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    GetRendererCapabilitiesRequest,
    PlanRenderRequest,
)
from beatstitch.v1 import render_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch_core.errors import BeatStitchError
from beatstitch_renderer.compositor.capabilities import codecs
from beatstitch_renderer.compositor.caps import worst_second
from beatstitch_renderer.compositor.encoder import Encoder, deepened
from beatstitch_renderer.compositor.planes import Planes
from beatstitch_renderer.joining import join
from beatstitch_renderer.piece import read_header, read_pictures
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.encoding import piece_encoding, suffix_of
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples.coded import decode_frame_code
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_samples.measure import read_codes
from beatstitch_samples.video_files import VideoFormat, write_video

if TYPE_CHECKING:
    from pathlib import Path

SHORT = PieceSizes(min_frames=20, max_frames=50, long_frames=100)
FILMS = [
    ("H264", "MP4", "h264", "avc1"),
    ("H264", "MOV", "h264", "avc1"),
    ("HEVC", "MP4", "hevc", "hvc1"),
    ("HEVC", "MOV", "hevc", "hvc1"),
    ("AV1", "MP4", "av1", "av01"),
    ("AV1", "WEBM", "av1", ""),
    ("VP9", "MP4", "vp9", "vp09"),
    ("VP9", "WEBM", "vp9", ""),
    ("PRORES", "MOV", "prores", "apch"),
]
CODECS = ["H264", "HEVC", "AV1", "VP9", "PRORES"]


def kind(codec: str, container: str = "") -> dict:
    found = {"codec": render_pb2.VideoCodec.Value(f"VIDEO_CODEC_{codec}")}
    if container:
        found["container"] = render_pb2.Container.Value(f"CONTAINER_{container}")
    return found


def needs(codec: str) -> None:
    if kind(codec)["codec"] not in codecs():
        pytest.skip(f"these libraries have no encoder of {codec}")


async def rendered(room: Room, edl, song: Path, clips, profile, tmp_path: Path):
    spec = await room.spec(edl, song, [clip.path for clip in clips], profile)
    job = await room.end_of(spec)
    video = tmp_path / f"video{suffix_of(profile)}"
    await room.storage.fetch(job.output.output, video)
    return job.output, video


@pytest.mark.parametrize(("codec", "container", "name", "tag"), FILMS)
async def test_every_frame_is_the_right_one_in_every_film(
    room: Room, studio, clips, song, tmp_path, codec, container, name, tag
):
    needs(codec)
    edl = cutting(studio, clips, segments=12)
    profile = studio.profile(**kind(codec, container))
    output, video = await rendered(room, edl, song, clips, profile, tmp_path)
    assert output.output.key.endswith(suffix_of(profile))
    report = output.sync_report
    assert report.worst_cut_error_frames == report.off_grid_frames == 0
    assert report.counted_frames == report.expected_frames == 180
    assert report.audio_samples == report.expected_audio_samples == 288_000
    readings = read_codes(video)
    wanted = [(i % 3 + 1, (i % 4) * 15 + f) for i in range(12) for f in range(15)]
    assert [reading.code for reading in readings] == wanted
    tick = 0 if container != "WEBM" else Fraction(1, 2000)
    assert max(abs(r.time - Fraction(r.index, 30)) for r in readings) <= tick
    assert {r.index for r in readings if r.key} >= set(range(0, 180, 15))
    with av.open(str(video)) as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        assert picture.codec_context.name.startswith(name) or name in picture.codec.canonical_name
        assert (picture.codec_context.codec_tag if tag else "") == tag
        first = next(file.decode(picture))
        assert (first.colorspace, first.color_range) == (1, 1)
        deep = codec == "PRORES"
        assert first.format.name == ("yuv422p10le" if deep else "yuv420p")
        expected = {"WEBM": "opus", "MOV": "pcm_s24le" if deep else "aac"}.get(container, "aac")
        assert sound.codec_context.name == expected
        # The last block of Opus ends when it ends, and its rest isn't heard.
        assert file.duration == pytest.approx(6_000_000, abs=20_000 if tick else 1000)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rate", [Fraction(24), Fraction(30_000, 1001), Fraction(60)])
def test_a_joined_film_decodes_to_the_pictures_of_its_pieces(studio, tmp_path, codec, rate):
    needs(codec)
    clip = coded_clip(tmp_path / "clip.mp4", source_id=7, frames=200, size=SMALL)
    shots = [
        studio.Shot(clip.path, count, at, 6_000_000)
        for count, at in ((37, 0), (1, 900_000), (3, 0), (44, 500_000), (23, 0))
    ]
    edl = studio.edl(shots, rate)
    plan, pieces = studio.render(shots, edl, SHORT, **kind(codec))
    assert len(pieces) > 1
    video = tmp_path / "video"
    join(plan, pieces, None, video)
    with av.open(str(video)) as file:
        whole = [frame.to_ndarray() for frame in file.decode(video=0)]
    apart = [picture for piece in pieces for picture in decoded(piece)]
    assert len(whole) == len(apart) == 108
    assert all((a == b).all() for a, b in zip(whole, apart, strict=True))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("frames", [1, 2])
def test_a_film_may_have_a_frame_or_two(studio, tmp_path, codec, frames):
    """Less than encoders reorder: x265's own decoding times are out of unset memory then."""
    needs(codec)
    clip = coded_clip(tmp_path / "clip.mp4", source_id=7, frames=30, size=SMALL)
    shots = [studio.Shot(clip.path, frames, 0, 6_000_000)]
    plan, pieces = studio.render(shots, studio.edl(shots, Fraction(30)), SHORT, **kind(codec))
    video = tmp_path / "video"
    join(plan, pieces, None, video)
    with av.open(str(video)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
        assert [packet.dts for packet in packets] == sorted({packet.dts for packet in packets})
        assert all(-1 < packet.dts * packet.time_base <= Fraction(1, 30) for packet in packets)
    with av.open(str(video)) as file:
        shown = list(file.decode(video=0))
    # WebM counts milliseconds.
    times = [frame.pts * frame.time_base - Fraction(i, 30) for i, frame in enumerate(shown)]
    assert max(map(abs, times)) <= (Fraction(1, 2000) if codec == "VP9" else 0)
    assert [decode_frame_code(frame.to_ndarray(format="rgb24")) for frame in shown] == [
        (7, i) for i in range(frames)
    ]


def decoded(piece: Path) -> list[np.ndarray]:
    """The pictures of one piece, decoded for themselves."""
    header = read_header(piece)
    names = {b"\x00\x00\x00\x01\x67": "h264", b"\x00\x00\x00\x01\x40": "hevc", b"\x0a": "libdav1d"}
    name = next((names[start] for start in names if header.headers.startswith(start)), None)
    pictures = list(read_pictures(piece, header))
    if name is None:
        name = "prores" if pictures[0][4:8] == b"icpf" else "vp9"
    decoder = av.CodecContext.create(name, "r")
    if header.headers and name != "libdav1d":
        decoder.extradata = header.headers
    decoder.thread_count = 1
    frames = []
    for place, data in enumerate(pictures):
        packet = av.Packet(data)
        packet.pts, packet.dts = header.order[place], place
        frames += decoder.decode(packet)
    frames += decoder.decode(None)
    return [frame.to_ndarray() for frame in frames]


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_pictures_give_the_same_bytes(studio, tmp_path, codec):
    needs(codec)
    clip = coded_clip(tmp_path / "clip.mp4", source_id=7, frames=60, size=SMALL)
    shots = [
        studio.Shot(clip.path, 20, 0, 2_000_000),
        studio.Shot(clip.path, 25, 500_000, 2_000_000),
    ]
    edl = studio.edl(shots)
    seen = []
    for turn in range(2):
        plan, pieces = studio.render(shots, edl, SHORT, **kind(codec), max_bit_rate=2_000_000)
        join(plan, pieces, None, tmp_path / f"v{turn}")
        seen.append([path.read_bytes() for path in (*pieces, tmp_path / f"v{turn}")])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("codec", ["H264", "HEVC", "AV1", "VP9"])
def test_no_second_has_more_than_the_cap(studio, codec):
    """Noise that would take far more without one."""
    needs(codec)
    cap = 1_500_000 if codec in {"H264", "HEVC"} else 2_500_000
    profile = studio.profile(**kind(codec), max_bit_rate=cap, crf=10)
    output = OutputFormat(width=SMALL[0], height=SMALL[1])
    output.frame_rate.num, output.frame_rate.den = 30, 1
    sizes = {}
    for limit in (0, cap):
        profile.max_bit_rate = limit
        encoder = Encoder(output, piece_encoding(profile))
        coded = []
        random = np.random.default_rng(5)
        for frame in range(120):
            coded += encoder.encode(noise(random, 20), key=frame % 40 == 0)
        coded += encoder.finish()
        bits = np.zeros(120)
        for picture in coded:
            bits[picture.frame] += 8 * len(picture.data)
        sizes[limit] = np.convolve(bits, np.ones(30), "valid").max()
    assert sizes[0] > 2 * cap
    assert sizes[cap] <= cap


@pytest.mark.parametrize(("codec", "cap"), [("AV1", 60_000), ("VP9", 600_000)])
def test_noise_is_encoded_again_until_it_keeps_its_cap(studio, tmp_path, monkeypatch, codec, cap):
    """Encoders that only aim at a rate pass it here; the pieces of the file don't."""
    needs(codec)
    clip = tmp_path / "noise.mp4"
    with av.open(str(clip), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        random = np.random.default_rng(5)
        for _ in range(60):
            rgb = random.integers(0, 256, (SMALL[1], SMALL[0], 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        file.mux(stream.encode(None))
    shots = [studio.Shot(clip, 30, 0, 2_000_000), studio.Shot(clip, 30, 900_000, 2_000_000)]
    edl = studio.edl(shots)
    plan, pieces = studio.render(shots, edl, **kind(codec), max_bit_rate=cap, crf=10)
    join(plan, pieces, None, tmp_path / "made")
    assert worst_second(header_bits(read_header(pieces[0])), 30.0) <= cap
    with av.open(str(tmp_path / "made")) as file:
        bits = np.array([8 * packet.size for packet in file.demux(video=0) if packet.size])
        assert worst_second(bits, 30.0) <= cap
    monkeypatch.setattr("beatstitch_renderer.rendering.tries", lambda encoding: iter([encoding]))
    _, once = studio.render(shots, edl, **kind(codec), max_bit_rate=cap, crf=10)
    assert worst_second(header_bits(read_header(once[0])), 30.0) > cap


def header_bits(header) -> np.ndarray:
    bits = np.zeros(header.frame_count)
    bits[list(header.order)] = 8 * np.array(header.sizes)
    return bits


def noise(random: np.random.Generator, strength: int = 100) -> Planes:
    def plane(width: int, height: int) -> np.ndarray:
        return random.integers(128 - strength, 128 + strength, (height, width), np.uint8)

    half = (SMALL[0] // 2, SMALL[1] // 2)
    return Planes(plane(*SMALL), plane(*half), plane(*half))


def test_ten_bits_of_four_two_two_are_exact():
    random = np.random.default_rng(1)
    picture = noise(random)
    y, u, v = deepened(picture)
    assert (y == picture.y.astype(int) * 4).all()
    for deep, flat in ((u, picture.u), (v, picture.v)):
        assert deep.shape == (SMALL[1], SMALL[0] // 2)
        assert (deep[1:-1:2] == 3 * flat[:-1].astype(int)[: len(deep[1:-1:2])] + flat[1:]).all()
        assert (deep[0] == 4 * flat[0].astype(int)).all()
    even = Planes(np.full_like(picture.y, 100), np.full_like(picture.u, 90), picture.v)
    assert (deepened(even)[1] == 360).all()


@pytest.mark.parametrize(("codec", "clock"), [("GIF", 100), ("WEBP", 1000)])
async def test_animations_have_every_frame_for_its_time(
    room: Room, studio, clips, song, tmp_path, codec, clock
):
    needs(codec)
    shots = [studio.Shot(clips[i % 3].path, 8, 0, 3_000_000) for i in range(6)]
    edl = studio.edl(shots, Fraction(15), SMALL)
    profile = studio.profile(**kind(codec, codec))
    output, path = await rendered(room, edl, song, clips, profile, tmp_path)
    report = output.sync_report
    assert (report.counted_frames, report.off_grid_frames, report.worst_cut_error_frames) == (
        48,
        0,
        0,
    )
    assert report.audio_samples == report.expected_audio_samples == 0
    stamps, codes = [0], []
    with Image.open(path) as image:
        assert image.n_frames == 48
        assert image.info["loop"] == 0
        for index in range(48):
            image.seek(index)
            codes.append(decode_frame_code(np.asarray(image.convert("RGB"))))
            stamps.append(stamps[-1] + image.info["duration"])
    assert codes == [(i // 8 % 3 + 1, i % 8 * 2) for i in range(48)]
    rounded = [int(Fraction(i * clock, 15) + Fraction(1, 2)) * 1000 // clock for i in range(49)]
    assert stamps == rounded


@pytest.mark.parametrize("codec", ["GIF", "WEBP", "PRORES", "VP9"])
def test_colours_stay(studio, tmp_path, codec):
    needs(codec)
    rgb = np.zeros((180, 320, 3), np.uint8)
    rgb[:, :160], rgb[:, 160:] = (200, 60, 40), (40, 90, 200)
    path = tmp_path / "still.png"
    Image.fromarray(rgb).save(path)
    shots = [studio.Shot(path, 10)]
    plan, pieces = studio.render(shots, studio.edl(shots), SHORT, **kind(codec))
    video = tmp_path / f"video{suffix_of(plan.profile)}"
    join(plan, pieces, None, video)
    if codec in {"GIF", "WEBP"}:
        with Image.open(video) as image:
            got = np.asarray(image.convert("RGB")).astype(int)
    else:
        with av.open(str(video)) as file:
            got = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    for place, wanted in (((90, 80), (200, 60, 40)), ((90, 240), (40, 90, 200))):
        mean = got[place[0] - 8 : place[0] + 8, place[1] - 8 : place[1] + 8].mean((0, 1))
        assert np.abs(mean - wanted).max() <= 5


def test_what_decides_no_byte_is_in_no_name(studio, tmp_path):
    clip = write_video(tmp_path / "c.mp4", [np.zeros((180, 320, 3), np.uint8)] * 30, VideoFormat())
    shots = [studio.Shot(clip, 30, 0, 1_000_000)]
    edl = studio.edl(shots)

    def hashes(**changes):
        plan = plan_render(edl, studio.profile(**changes), "test")
        return plan.chunks[0].chunk_hash, plan.audio_hash, plan.output_hash

    plain = hashes()
    assert hashes(**kind("H264", "MP4")) == plain
    assert hashes(**kind("H264", "MOV"))[:2] == plain[:2]
    assert hashes(**kind("H264", "MOV"))[2] != plain[2]
    assert hashes(**kind("PRORES"), crf=3, preset="slow") == hashes(**kind("PRORES"))
    assert hashes(**kind("GIF"))[0] == hashes(**kind("WEBP"))[0]
    several = [hashes(**kind(codec))[0] for codec in CODECS]
    several.append(hashes(max_bit_rate=5_000_000)[0])
    assert len(set(several)) == len(several)
    with pytest.raises(BeatStitchError, match="can't be put into"):
        hashes(**kind("PRORES", "WEBM"))


async def test_capabilities_name_the_codecs_and_odd_profiles_are_refused(room: Room, studio, clips):
    found = await room.engine.GetRendererCapabilities(GetRendererCapabilitiesRequest())
    assert set(found.codecs) == set(codecs())
    assert render_pb2.VIDEO_CODEC_H264 in found.codecs
    edl = cutting(studio, clips, segments=4)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await room.engine.PlanRender(
            PlanRenderRequest(
                edl=edl, profile=studio.profile(**kind("GIF", "MP4")), key_prefix="t/x/"
            )
        )
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
