"""The song, to the sample: decoded for the analyser, encoded for the renderer."""

import av
import numpy as np
import pytest

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.audio import decode_mono, encode_song
from beatstitch_samples import odd
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.signals import click_kernel, click_track

CLICKS_US = (0, 700_000, 1_500_000, 2_900_000)
LENGTH_US = 4_000_000


def found_at(samples, rate, time_us):
    """The sample at which a click starts, by correlation around its place."""
    kernel = click_kernel(rate)
    middle = round(time_us * rate / 1_000_000)
    start = max(0, middle - 4000)
    part = samples[start : middle + 4000 + len(kernel)]
    return start + int(np.argmax(np.correlate(part, kernel, "valid"))) - middle


def song(path, *, rate=48_000, channels=1, **options):
    track = click_track(CLICKS_US, LENGTH_US, sample_rate=rate, channels=channels)
    return write_audio(path, track, rate, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {}),
        ("a.flac", {}),
        ("a.mp3", {}),
        ("a.mp3", {"rate": 22_050}),
        ("a.mp3", {"rate": 44_100, "channels": 2}),
        ("a.m4a", {}),
        ("a.m4a", {"rate": 44_100, "channels": 2}),
        ("a.opus", {}),
        ("a.ogg", {"channels": 2}),
    ],
)
async def test_sample_0_is_the_first_that_is_heard(tmp_path, work_dir, name, options):
    path = song(tmp_path / name, **options)
    pcm = await decode_mono(path, work_dir=work_dir)
    samples = pcm.array()
    assert samples.dtype == np.float32
    assert pcm.sample_rate == 44_100
    assert abs(pcm.samples - LENGTH_US * 44_100 // 1_000_000) <= 2048
    for time_us in CLICKS_US:
        assert abs(found_at(samples, 44_100, time_us)) <= 1


async def test_probe_and_decode_agree_on_the_length(look, tmp_path, work_dir):
    for name in ("a.wav", "a.flac", "a.mp3", "a.m4a", "a.opus"):
        path = song(tmp_path / name)
        said = (await look(path)).info.duration_us
        pcm = await decode_mono(path, work_dir=work_dir, sample_rate=48_000)
        assert abs(said * 48 // 1000 - pcm.samples) <= 1
        pcm.path.unlink()


async def test_any_rate(tmp_path, work_dir):
    path = song(tmp_path / "a.wav")
    pcm = await decode_mono(path, work_dir=work_dir, sample_rate=22_050)
    assert (pcm.sample_rate, pcm.samples) == (22_050, 88_200)


async def test_two_channels_are_averaged(tmp_path, work_dir):
    one_sided = np.zeros((48_000, 2), np.float32)
    one_sided[:, 0] = 0.5
    path = write_audio(tmp_path / "a.wav", one_sided, 48_000)
    samples = (await decode_mono(path, work_dir=work_dir, sample_rate=48_000)).array()
    assert abs(float(samples[24_000]) - 0.25) < 0.01


async def test_damage_is_the_files_fault(tmp_path, work_dir):
    whole = song(tmp_path / "a.m4a")
    with pytest.raises(BeatStitchError) as caught:
        await decode_mono(odd.truncated(tmp_path / "b.m4a", whole, 0.3), work_dir=work_dir)
    assert caught.value.reason == f.ERROR_REASON_INPUT_CORRUPT


async def test_too_little_time(tmp_path, work_dir):
    with pytest.raises(BeatStitchError) as caught:
        await decode_mono(song(tmp_path / "a.wav"), work_dir=work_dir, timeout_s=0.001)
    assert caught.value.reason == f.ERROR_REASON_MEDIA_TIMEOUT


def muxed(encoded, out):
    """What the renderer does: packets copied as they are, beside pictures."""
    with av.open(str(encoded.path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        first = None
        for packet in source.demux(audio=0):
            if packet.dts is None:
                continue
            first = packet.pts if first is None else first
            packet.stream = stream
            target.mux(packet)
    assert first == -encoded.encoder_delay_samples
    return out


def played(path):
    """What a player plays: PyAV drops the priming samples by the edit list."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a"])
@pytest.mark.parametrize("offset_us", [0, 700_000, 333_333])
async def test_the_encoded_song_starts_on_frame_0(tmp_path, work_dir, name, offset_us):
    path = song(tmp_path / name, rate=44_100, channels=2)
    encoded = await encode_song(
        path,
        work_dir / "song.m4a",
        work_dir=work_dir,
        offset_us=offset_us,
        duration_us=LENGTH_US - offset_us,
    )
    assert encoded.samples == round((LENGTH_US - offset_us) * 0.048)
    for file in (encoded.path, muxed(encoded, tmp_path / "out.mp4")):
        samples = played(file)
        assert 0 <= len(samples) - encoded.samples < 1024
        for time_us in CLICKS_US:
            if time_us >= offset_us:
                assert abs(found_at(samples, 48_000, time_us - offset_us)) <= 1


async def test_a_short_song_is_followed_by_silence(tmp_path, work_dir):
    path = song(tmp_path / "a.wav")
    encoded = await encode_song(
        path, work_dir / "song.m4a", work_dir=work_dir, offset_us=3_000_000, duration_us=2_500_000
    )
    samples = played(encoded.path)
    assert encoded.samples == 120_000
    assert 0 <= len(samples) - 120_000 < 1024
    assert np.abs(samples[60_000:]).max() < 1e-3


async def test_the_same_bytes_every_time(tmp_path, work_dir):
    path = song(tmp_path / "a.wav", channels=2)
    first, second = [
        await encode_song(path, work_dir / name, work_dir=work_dir, duration_us=1_234_567)
        for name in ("1.m4a", "2.m4a")
    ]
    assert first.path.read_bytes() == second.path.read_bytes()
