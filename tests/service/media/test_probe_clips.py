"""Clips of every shape: what the probe says is what a player shows."""

from fractions import Fraction

import pytest

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import AUDIO, IMAGE, VIDEO
from beatstitch_samples import odd, odd_images
from beatstitch_samples.coded_clips import VARIANTS, coded_clip, coded_variant

DEPTHS = {"prores": 10, "hevc_10bit": 10, "h264_10bit": 10}
VARIABLE = ("vfr", "vfr_mkv")
SHAPES = sorted(set(VARIANTS) - {"mpeg2", "uhd"})


@pytest.mark.parametrize("name", SHAPES)
async def test_every_shape(look, tmp_path, name):
    clip = coded_variant(tmp_path, name)
    found = await look(clip.path, VIDEO)
    info = found.info
    assert info.media_type == VIDEO
    assert (info.width, info.height) == clip.size
    assert info.rotation_degrees == clip.rotation
    assert found.frames == len(clip.frames)
    assert info.variable_frame_rate == (name in VARIABLE)
    assert info.bit_depth == DEPTHS.get(name, 8)
    assert info.has_audio == bool(VARIANTS[name].settings.get("audio"))
    assert (info.sample_rate, info.channels) == ((48_000, 1) if info.has_audio else (0, 0))
    if name not in VARIABLE:
        rate = VARIANTS[name].settings.get("fps", Fraction(30))
        assert Fraction(info.frame_rate.num, info.frame_rate.den) == rate
        assert info.duration_us == round(len(clip.frames) / rate * 1_000_000)
    else:
        assert abs(info.duration_us - float(clip.times[-1]) * 1e6) < 120_000


async def test_a_moving_gif_is_a_clip(look, tmp_path):
    found = await look(odd_images.animated(tmp_path / "a.gif", frames=8, duration_ms=100), IMAGE)
    assert found.info.media_type == VIDEO
    assert (found.frames, found.info.duration_us, found.demuxer) == (8, 800_000, "gif")
    assert not found.info.has_alpha


async def test_a_still_gif_is_a_picture(look, tmp_path):
    found = await look(odd_images.animated(tmp_path / "a.gif", frames=1), VIDEO)
    assert (found.info.media_type, found.info.format) == (IMAGE, "gif")


async def test_animated_webp_is_refused_by_name(look, tmp_path):
    with pytest.raises(BeatStitchError, match="animated WebP") as caught:
        await look(odd_images.animated(tmp_path / "a.webp"))
    assert caught.value.reason == f.ERROR_REASON_INPUT_UNSUPPORTED


async def test_pixel_aspect(look, make):
    path = make(
        *("a.mp4", "-f", "lavfi", "-i", "testsrc2=d=1:s=720x576:r=25"),
        *("-vf", "setsar=16/11", "-preset", "ultrafast"),
    )
    info = (await look(path)).info
    assert (info.width, info.height) == (1047, 576)


async def test_alpha(look, make):
    source = ("-f", "lavfi", "-i", "color=red@0.5:d=0.5:s=64x36,format=yuva444p10le")
    assert (await look(make("a.mov", *source, "-c:v", "prores_ks"))).info.has_alpha


async def test_sound_only_is_not_a_clip(look, tmp_path):
    path = odd.sound_only_mp4(tmp_path / "a.mp4")
    for expected in (VIDEO, IMAGE):
        with pytest.raises(BeatStitchError, match="MP4 with sound only") as caught:
            await look(path, expected)
        assert caught.value.reason == f.ERROR_REASON_INPUT_UNSUPPORTED
    assert (await look(path)).info.media_type == AUDIO


async def test_a_clip_without_its_index(look, tmp_path):
    clip = coded_clip(tmp_path / "whole.mp4", source_id=1)
    with pytest.raises(BeatStitchError, match=r"cut\.mp4 is a damaged MP4") as caught:
        await look(odd.truncated(tmp_path / "cut.mp4", clip.path))
    assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT


@pytest.mark.parametrize("keep", [0.3, 0.85])
async def test_a_clip_with_its_index_in_front_that_ends_early(look, make, tmp_path, keep):
    path = make(
        *("a.mp4", "-f", "lavfi", "-i", "testsrc2=d=10:s=320x180:r=30"),
        *("-preset", "ultrafast", "-movflags", "+faststart"),
    )
    with pytest.raises(BeatStitchError, match="ends early") as caught:
        await look(odd.truncated(tmp_path / "cut.mp4", path, keep))
    assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
async def test_a_little_less_counts_as_what_is_there(look, make, tmp_path, name):
    path = make(
        *(name, "-f", "lavfi", "-i", "testsrc2=d=10:s=320x180:r=30", "-g", "30"),
        *("-preset", "ultrafast", "-movflags", "+faststart" if name == "a.mp4" else "0"),
    )
    whole = await look(path)
    cut = await look(odd.truncated(tmp_path / f"cut-{name}", path, 0.96))
    assert whole.info.duration_us == 10_000_000
    assert 9_000_000 < cut.info.duration_us < 9_900_000
    assert cut.frames == round(cut.info.duration_us * 30 / 1_000_000)


async def test_a_clip_whose_end_is_noise(look, make, tmp_path):
    path = make(
        *("a.mp4", "-f", "lavfi", "-i", "testsrc2=d=4:s=320x180:r=30", "-g", "30"),
        *("-preset", "ultrafast", "-movflags", "+faststart"),
    )
    data = bytearray(path.read_bytes())
    noise = odd.random_bytes(tmp_path / "noise", len(data) // 4).read_bytes()
    data[-len(noise) :] = noise
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(bytes(data))
    with pytest.raises(BeatStitchError) as caught:
        await look(bad)
    assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT
