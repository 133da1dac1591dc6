"""What is heard in finished files, measured to the sample by other means than made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.signal import lfilter, resample_poly
from support.renderer_room import SMALL, Room

from beatstitch.v1 import common_pb2, render_pb2
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.timebase import samples_at
from beatstitch_samples import signals
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.coded import coded_image
from beatstitch_samples.measure import decode_audio, find_clicks, read_codes
from beatstitch_samples.video_files import AudioTrack, VideoFormat, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.v1.edl_pb2 import Edl

RATE = 48_000
PRORES = {"codec": render_pb2.VIDEO_CODEC_PRORES, "container": render_pb2.CONTAINER_MOV}
WEBM = {"codec": render_pb2.VIDEO_CODEC_VP9, "container": render_pb2.CONTAINER_WEBM}


def film(path: Path, source_id: int, samples: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """A clip with a sound: 30 pictures a second as long as it lasts."""
    frames = round(len(samples) / RATE * 30)
    pictures = (coded_image(source_id, frame, SMALL) for frame in range(frames))
    track = AudioTrack(samples, codec=codec)
    return write_video(path, pictures, VideoFormat(preset="ultrafast", gop=15), audio=track)


def bursts(seconds: int = 6) -> np.ndarray:
    """A click each half second and after it a quiet tone that says in which second it is."""
    samples = signals.click_track(range(0, seconds * 1_000_000, 500_000), seconds * 1_000_000)
    for second in range(seconds):
        at = second * RATE + 9_600
        samples[at : at + 9_600] += signals.tone(500 + 250 * second, 200_000, level=0.2)
    return samples


def tone_at(sound: np.ndarray, start: int, hz: float) -> float:
    """Amplitude of a tone in 4,800 samples."""
    part = sound[start : start + 4_800, 0]
    turn = np.exp(-2j * np.pi * hz * np.arange(4_800) / RATE)
    return float(2 * abs((part * turn).mean()))


def shown(studio, paths: list[Path], frames: list[int], rate=30) -> Edl:
    shots = [
        studio.Shot(path, count, 0, 6_000_000) for path, count in zip(paths, frames, strict=True)
    ]
    return studio.edl(shots, rate, SMALL)


async def rendered(room: Room, edl: Edl, song: Path, media: list[Path], profile, tmp_path: Path):
    spec = await room.spec(edl, song, media, profile)
    assert not [v for v in validate_edl(edl) if "song" not in str(v)]
    job = await room.end_of(spec)
    video = tmp_path / f"{job.event.job_id or 'video'}-{profile.audio_bit_rate}.bin"
    await room.storage.fetch(job.output.output, video)
    return job, video


def loudness(sound: np.ndarray) -> float:
    """Integrated loudness by ITU-R BS.1770-4 for 48 kHz, written down from the standard."""
    shelf = (
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
    )
    high = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    heard = lfilter(*high, lfilter(*shelf, sound, axis=0), axis=0)
    starts = range(0, len(heard) - 19_200 + 1, 4_800)
    power = np.array([(heard[s : s + 19_200] ** 2).mean(axis=0).sum() for s in starts])
    level = -0.691 + 10 * np.log10(power + 1e-12)
    power = power[level > -70]
    relative = -0.691 + 10 * np.log10(power.mean()) - 10
    level = -0.691 + 10 * np.log10(power)
    return float(-0.691 + 10 * np.log10(power[level > relative].mean()))


def true_peak_db(sound: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(resample_poly(sound, 8, 1, axis=0)).max()))


@pytest.fixture
def quiet_song(tmp_path: Path) -> Path:
    """Clicks each half second over a low tone, lossless."""
    clicks = signals.click_track(range(0, 8_000_000, 500_000), 8_000_000, channels=2, level=0.5)
    hum = signals.tone(100, 8_000_000, channels=2, level=0.1)
    return write_audio(tmp_path / "song.flac", np.clip(clicks + hum, -1, 1), RATE)


async def test_clips_are_heard_at_their_segments_to_the_sample(
    room: Room, studio, quiet_song, tmp_path
):
    clips = [film(tmp_path / f"clip{i}.mov", i, bursts()) for i in (1, 2)]
    edl = shown(studio, [clips[0], clips[1], clips[0]], [31, 47, 42])
    edl.segments[1].source_in_us = 1_000_000
    edl.segments[1].sound.gain = 65_536
    edl.audio.ducked = 0
    job, video = await rendered(room, edl, quiet_song, clips, studio.profile(**PRORES), tmp_path)
    sound, rate = decode_audio(video)
    assert (rate, len(sound)) == (RATE, samples_at(edl.audio.duration_us, RATE))
    assert job.output.sync_report.audio_samples == len(sound)
    start, end = 31 * 1600, 78 * 1600
    # The song's clicks outside of the ramps, the clip's inside of its segment: its first click is
    # in the 5 ms in which it comes in.
    song = [at for at in range(0, len(sound), 24_000) if at < start - 9_600 or at > end + 9_600]
    wanted = [*song, *range(start + 24_000, end, 24_000)]
    ramps = (range(start - 9_600, start + 240), range(end, end + 9_600))
    found = [at for at in find_clicks(sound, rate) if not any(at in ramp for ramp in ramps)]
    assert found == sorted(wanted)
    # The tone of second 1 of the clip, and none of the song's under it.
    assert tone_at(sound, start + 12_000, 750) == pytest.approx(0.2, rel=0.02)
    assert tone_at(sound, start + 14_000 + 4_800, 100) < 0.01
    assert tone_at(sound, 4_800, 100) == pytest.approx(0.1, rel=0.02)


async def test_only_the_sound_is_made_anew_when_only_the_sound_changes(
    room: Room, studio, quiet_song, tmp_path
):
    clip = film(tmp_path / "clip.mov", 1, bursts())
    edl = shown(studio, [clip, clip], [60, 60])
    first, _ = await rendered(room, edl, quiet_song, [clip], studio.profile(), tmp_path)
    assert first.chunks
    for change in range(3):
        if change == 0:
            edl.audio.fade_out_us = 1_000_000
        elif change == 1:
            edl.segments[0].sound.gain = 30_000
        profile = studio.profile(loudness_target=-2000 if change == 2 else 0)
        job, _ = await rendered(room, edl, quiet_song, [clip], profile, tmp_path)
        assert not job.chunks
        assert job.output.result.chunks_rendered == 0
        assert job.output.manifest.sha256 != first.output.manifest.sha256
        first = job


async def test_fades_to_the_sample(room: Room, studio, tmp_path):
    flat = write_audio(
        tmp_path / "flat.flac", signals.tone(1_000, 4_000_000, channels=2, level=0.5), RATE
    )
    clip = film(tmp_path / "clip.mov", 1, bursts())
    edl = shown(studio, [clip], [120])
    edl.audio.fade_in_us, edl.audio.fade_out_us = 1_000_000, 500_000
    _, video = await rendered(room, edl, flat, [clip], studio.profile(**PRORES), tmp_path)
    sound, _ = decode_audio(video)
    at = np.arange(192_000)
    curve = np.sin(np.pi / 2 * np.minimum(at / 48_000, 1))
    curve *= np.sin(np.pi / 2 * np.minimum((191_999 - at) / 24_000, 1))
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * at / RATE) * curve
    assert np.abs(sound[:, 0] - wanted).max() < 1e-4


@pytest.mark.parametrize("kind", [{}, PRORES, WEBM])
async def test_the_heard_part_reaches_its_loudness(room: Room, studio, tmp_path, kind):
    # Without the highest tones, which AAC and Opus leave out.
    white = signals.noise(20_000_000, channels=2, level=0.05, seed=3)
    noise = lfilter([0.1], [1.0, -0.9], white, axis=0).astype(np.float32)
    # Loud before and after the part that is heard: it must not count.
    noise[: 5 * RATE] *= 8
    noise[10 * RATE :] *= 8
    song = write_audio(tmp_path / "noise.flac", noise, RATE)
    clip = film(tmp_path / "clip.mov", 1, bursts())
    edl = shown(studio, [clip, clip], [60, 60])
    edl.audio.offset_us = 5_500_000
    for segment in edl.segments[1:]:
        segment.cut.beat_time_us += edl.audio.offset_us
    edl.audio.fade_in_us = 800_000
    profile = studio.profile(loudness_target=-1900, audio_bit_rate=256_000, **kind)
    job, video = await rendered(room, edl, song, [clip], profile, tmp_path)
    sound, _ = decode_audio(video)
    assert len(sound) - samples_at(edl.audio.duration_us, RATE) in range(1024)
    assert job.output.sync_report.audio_samples == samples_at(edl.audio.duration_us, RATE)
    assert loudness(sound) == pytest.approx(-19.0, abs=0.1 if kind == PRORES else 0.3)


async def test_peaks_stay_below_the_ceiling(room: Room, studio, quiet_song, tmp_path):
    clip = film(tmp_path / "clip.mov", 1, bursts())
    edl = shown(studio, [clip], [120])
    profile = studio.profile(loudness_target=-500, **PRORES)
    _, video = await rendered(room, edl, quiet_song, [clip], profile, tmp_path)
    sound, _ = decode_audio(video)
    assert -1.3 < true_peak_db(sound) <= -0.95


async def test_a_clip_without_sound_lowers_no_song(room: Room, studio, quiet_song, tmp_path):
    mute = write_video(
        tmp_path / "mute.mp4", (coded_image(1, f, SMALL) for f in range(60)), VideoFormat()
    )
    edl = shown(studio, [mute], [60])
    edl.segments[0].source_out_us = 2_000_000
    edl.segments[0].sound.gain = 65_536
    edl.audio.ducked = 0
    _, video = await rendered(room, edl, quiet_song, [mute], studio.profile(**PRORES), tmp_path)
    sound, _ = decode_audio(video)
    assert tone_at(sound, 10_000, 100) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "aac"), (".mov", "pcm_s16le"), (".webm", "libopus")]
)
async def test_sound_of_any_codec_is_where_its_pictures_are(
    room: Room, studio, quiet_song, tmp_path, suffix, codec
):
    """At double speed from 1.5 s on: the clip's click at 2 s comes after a quarter of a second."""
    samples = signals.click_track(range(0, 6_000_000, 500_000), 6_000_000)
    settings = VideoFormat(
        codec="libvpx" if suffix == ".webm" else "libx264", crf=None, preset="ultrafast", gop=15
    )
    frames = (coded_image(1, frame, SMALL) for frame in range(180))
    clip = write_video(
        tmp_path / f"clip{suffix}", frames, settings, audio=AudioTrack(samples, codec=codec)
    )
    edl = shown(studio, [clip, clip], [30, 60])
    for segment in edl.segments:
        segment.source_in_us = 1_300_000
        segment.sound.gain = 65_536
    edl.segments[1].speed.points.add(frame=0, rate=131_072)
    edl.audio.ducked = 0
    _, video = await rendered(room, edl, quiet_song, [clip], studio.profile(**PRORES), tmp_path)
    sound, rate = decode_audio(video)
    first = find_clicks(sound[:48_000], rate)
    assert len(first) == 2
    assert max(abs(a - b) for a, b in zip(first, (9_600, 33_600), strict=True)) <= 50
    # A click at double speed is another sound: its energy begins where it should.
    loud = np.flatnonzero(np.abs(sound[48_000:, 0]) > 0.2) + 48_000
    begins = [int(at) for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 2_000]
    wanted = [48_000 + round((500_000 * k - 1_300_000) * 0.024) for k in range(3, 11)]
    assert max(abs(a - b) for a, b in zip(begins, wanted, strict=False)) <= 100


async def test_the_same_sound_twice(room: Room, studio, quiet_song, tmp_path):
    clip = film(tmp_path / "clip.mov", 1, bursts())
    edl = shown(studio, [clip, clip], [45, 45])
    edl.segments[1].sound.gain = 50_000
    edl.segments[1].speed.points.add(frame=0, rate=98_304)
    profile = studio.profile(loudness_target=-1800)
    shas = set()
    for _ in range(2):
        job, _ = await rendered(room, edl, quiet_song, [clip], profile, tmp_path)
        shas.add(job.output.manifest.sha256)
        keys = [key async for key, _ in room.storage.list(room.prefix)]
        await room.storage.delete([key for key in keys if "/audio/" in key or "/proof/" in key])
    assert len(shas) == 1


async def test_a_clip_is_heard_from_its_original_where_a_proxy_is_shown(
    room: Room, studio, quiet_song, tmp_path
):
    """Proxies have no sound."""
    clip = film(tmp_path / "clip.mov", 1, bursts(2))
    small = write_video(
        tmp_path / "proxy.mp4", (coded_image(2, f, SMALL) for f in range(60)), VideoFormat()
    )
    edl = shown(studio, [clip], [60])
    edl.segments[0].source_out_us = 2_000_000
    edl.segments[0].sound.gain = 65_536
    edl.audio.ducked = 0
    profile = studio.profile(name="preview", **PRORES)
    spec = await room.spec(edl, quiet_song, [clip], profile)
    proxy = await room.upload(small, common_pb2.MEDIA_TYPE_VIDEO)
    spec.render.media[0].proxy.CopyFrom(proxy.object)
    job = await room.end_of(spec)
    video = tmp_path / "video.mov"
    await room.storage.fetch(job.output.output, video)
    assert {reading.code[0] for reading in read_codes(video) if reading.code} == {2}
    sound, _ = decode_audio(video)
    assert tone_at(sound, 12_000, 500) == pytest.approx(0.2, rel=0.02)
