"""Songs of every shape."""

import numpy as np
import pytest

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import AUDIO, IMAGE
from beatstitch_samples import odd, odd_images
from beatstitch_samples.coded_clips import coded_clip

SINE = ("-f", "lavfi", "-i", "sine=440:d=3:r=44100")
SONGS = {
    "a.mp3": ("mp3", 44_100),
    "a.m4a": ("aac", 44_100),
    "a.aac": ("aac", 44_100),
    "a.flac": ("flac", 44_100),
    "a.opus": ("opus", 48_000),
    "a.wav": ("pcm_s16le", 44_100),
    "a.mp4": ("aac", 44_100),
    "a.mkv": ("ac3", 44_100),
}


@pytest.mark.parametrize("name", SONGS)
async def test_every_shape(look, make, name):
    path = make(name, *SINE, *(("-c:a", "libopus") if name == "a.opus" else ()))
    for expected in (AUDIO, None):
        info = (await look(path, expected)).info
        assert info.media_type == AUDIO
        assert (info.audio_codec, info.sample_rate, info.channels) == (*SONGS[name], 1)
        assert abs(info.duration_us - 3_000_000) < 50_000
        assert info.has_audio
        assert (info.width, info.height) == (0, 0)


async def test_the_length_is_exact_where_the_format_knows_it(look, make):
    for name in ("a.mp3", "a.flac", "a.opus", "a.wav"):
        assert (await look(make(name, *SINE))).info.duration_us == 3_000_000


async def test_cover_art_leaves_it_a_song(look, make, tmp_path):
    cover = odd_images.cmyk_jpeg(tmp_path / "cover.jpg", size=(2000, 2000))
    path = make(
        *("a.mp3", *SINE, "-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy"),
        *("-disposition:v", "attached_pic"),
    )
    for expected in (AUDIO, None):
        assert (await look(path, expected)).info.media_type == AUDIO


async def test_a_clip_with_sound_is_a_song_where_one_is_expected(look, tmp_path):
    clip = coded_clip(tmp_path / "a.mp4", source_id=1, audio=True)
    info = (await look(clip.path, AUDIO)).info
    assert (info.media_type, info.audio_codec, info.video_codec) == (AUDIO, "aac", "")


async def test_a_clip_without_sound_is_no_song(look, tmp_path):
    clip = coded_clip(tmp_path / "a.mp4", source_id=1)
    with pytest.raises(BeatStitchError, match=r"a\.mp4 is MP4 without sound") as caught:
        await look(clip.path, AUDIO)
    assert caught.value.reason == f.ERROR_REASON_INPUT_UNSUPPORTED


async def test_a_picture_is_no_song(look, tmp_path):
    for path in (
        odd_images.tiny_image(tmp_path / "a.png"),
        odd_images.animated(tmp_path / "a.gif"),
    ):
        with pytest.raises(BeatStitchError, match="picture, not a song"):
            await look(path, AUDIO)


async def test_a_song_is_no_picture(look, make):
    with pytest.raises(BeatStitchError, match="MP3 with sound only"):
        await look(make("a.mp3", *SINE), IMAGE)


async def test_too_short(look, tmp_path):
    with pytest.raises(BeatStitchError, match=r"short\.wav is 0\.30 s long") as caught:
        await look(odd.short_sound(tmp_path / "short.wav"), AUDIO)
    assert caught.value.reason == f.ERROR_REASON_AUDIO_TOO_SHORT


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.m4a"])
async def test_half_a_song_is_refused(look, make, tmp_path, name):
    whole = make(name, "-f", "lavfi", "-i", "anoisesrc=d=10", "-movflags", "+faststart")
    with pytest.raises(BeatStitchError) as caught:
        await look(odd.truncated(tmp_path / f"half-{name}", whole))
    assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT


async def test_a_wav_is_as_long_as_its_bytes(look, make, tmp_path):
    """Recorders that lose power leave a header without a length."""
    whole = make("a.wav", "-f", "lavfi", "-i", "anoisesrc=d=10:r=48000")
    info = (await look(odd.truncated(tmp_path / "half.wav", whole))).info
    assert abs(info.duration_us - 5_000_000) < 10_000


async def test_a_damaged_middle_is_survived(look, make, tmp_path):
    """Players skip a few bad frames of an MP3; so does the analysis."""
    data = bytearray(make("a.mp3", "-f", "lavfi", "-i", "anoisesrc=d=10").read_bytes())
    data[40_000:41_000] = np.random.default_rng(3).bytes(1000)
    path = tmp_path / "b.mp3"
    path.write_bytes(bytes(data))
    assert (await look(path)).info.duration_us > 9_500_000
