"""Files that want to read other files, call home or fill the memory."""

import resource

import pytest
from support.traps import Trap

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_media.formats import AUDIO
from beatstitch_samples import odd, odd_images

UNSUPPORTED, CORRUPT, TOO_LARGE = (
    f.ERROR_REASON_INPUT_UNSUPPORTED,
    f.ERROR_REASON_INPUT_CORRUPT,
    f.ERROR_REASON_INPUT_TOO_LARGE,
)


@pytest.fixture
def trap():
    server = Trap()
    yield server
    server.close()


@pytest.fixture
def bait(tmp_path, make):
    """A real clip that must not be read through another file."""
    return make("bait.mp4", "-f", "lavfi", "-i", "testsrc2=d=1:s=64x36", "-preset", "ultrafast")


async def refused(look, path, expected=None, **options):
    with pytest.raises(BeatStitchError) as caught:
        await look(path, expected, **options)
    assert path.name in caught.value.message
    assert str(path.parent) not in caught.value.message + caught.value.stderr_tail
    assert caught.value.metadata["asset_id"] == "asset-1"
    return caught.value.reason


@pytest.mark.parametrize("writer", [odd.hls_playlist, odd.ffconcat_playlist, odd.dash_manifest])
async def test_playlists_are_not_followed(look, tmp_path, trap, bait, writer):
    for target in (trap.url, str(bait), f"file://{bait}", "bait.mp4"):
        path = writer(tmp_path / "clip.mp4", target)
        assert await refused(look, path) == UNSUPPORTED
        assert await refused(look, path, AUDIO) == UNSUPPORTED
    assert trap.calls == 0


async def test_playlists_behind_a_magic_number_are_not_followed(look, tmp_path, trap, bait):
    """The right first bytes force a demuxer that knows no playlists."""
    starts = {
        "clip.mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomavc1\n",
        "clip.ts": (b"\x47" + bytes(187)) * 5,
        "song.mp3": b"ID3\x04\0\0\0\0\0\0" + (b"\xff\xfb\x90\x00" + bytes(413)) * 3,
        "clip.mkv": b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska\n",
    }
    for name, start in starts.items():
        for text in (
            f"#EXTM3U\n#EXTINF:9,\n{trap.url}\n",
            f"ffconcat version 1.0\nfile '{bait}'\n",
        ):
            path = tmp_path / name
            path.write_bytes(start + text.encode())
            reason = await refused(look, path)
            assert reason in (CORRUPT, UNSUPPORTED, f.ERROR_REASON_AUDIO_TOO_SHORT)
    assert trap.calls == 0


async def test_svg_is_not_opened(look, tmp_path, trap, bait):
    for url in (trap.url, f"file://{bait}"):
        path = odd_images.svg_with_reference(tmp_path / "picture.png", url)
        assert await refused(look, path) == UNSUPPORTED
    assert trap.calls == 0


def children_cpu_s() -> float:
    """Processor time of all children that ended: no other process's work counts."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def test_a_png_bomb(look, tmp_path):
    path = odd_images.png_bomb(tmp_path / "bomb.png")
    before = children_cpu_s()
    assert await refused(look, path) == TOO_LARGE
    assert children_cpu_s() - before < 3  # a third of a second, as its header is enough
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak < 1_500_000, "kilobytes"


async def test_a_gif_bomb(look, tmp_path):
    path = odd_images.gif_bomb(tmp_path / "bomb.gif")
    assert path.stat().st_size < 10_000
    before = children_cpu_s()
    assert await refused(look, path) == TOO_LARGE
    assert children_cpu_s() - before < 3


async def test_a_gif_just_over_a_clips_side(look, tmp_path):
    path = odd_images.gif_bomb(tmp_path / "bomb.gif", side=8_000, frames=200)
    assert await refused(look, path) == TOO_LARGE


async def test_a_clip_that_is_too_wide(look, make):
    path = make("wide.mkv", "-f", "lavfi", "-i", "color=s=7700x64:d=0.1", "-c:v", "ffv1")
    assert await refused(look, path) == TOO_LARGE


async def test_a_picture_with_too_many_bytes(look, tmp_path):
    limits = default_limits()
    limits.max_image_bytes = 100
    path = odd_images.grey_png(tmp_path / "grey.png")
    assert await refused(look, path, limits=limits) == TOO_LARGE


async def test_a_song_that_is_too_long(look, make):
    limits = default_limits()
    limits.max_video_seconds = 5
    silence = ("-f", "lavfi", "-i", "anullsrc=d=8")
    for name in ("long.flac", "long.opus", "long.mp3"):
        assert await refused(look, make(name, *silence), limits=limits) == TOO_LARGE


async def test_a_song_that_lies_about_its_length(look, make):
    """A stream without a header's length is measured, not believed."""
    limits = default_limits()
    limits.max_video_seconds = 5
    path = make("long.aac", "-f", "lavfi", "-i", "anullsrc=d=8")
    assert await refused(look, path, AUDIO, limits=limits) == TOO_LARGE


async def test_empty_text_and_noise(look, tmp_path):
    assert await refused(look, odd.empty(tmp_path / "empty.mp4")) == CORRUPT
    assert await refused(look, odd.text(tmp_path / "text.mp4")) == UNSUPPORTED
    assert await refused(look, odd.random_bytes(tmp_path / "random.mp4")) == UNSUPPORTED


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mp3", "a.flac", "a.gif"])
async def test_a_real_start_and_noise_behind_it(look, tmp_path, make, name):
    sound = name in ("a.mp3", "a.flac")
    source = "sine=d=2" if sound else "testsrc2=d=2:s=64x36"
    whole = make(name, "-f", "lavfi", "-i", source).read_bytes()
    path = tmp_path / f"noise-{name}"
    noise = odd.random_bytes(tmp_path / "noise", len(whole)).read_bytes()
    path.write_bytes(whole[:200] + noise)
    # Noise may also be read as a huge frame of a GIF, or not be an MP3 at all.
    assert await refused(look, path) in (CORRUPT, TOO_LARGE, UNSUPPORTED)
