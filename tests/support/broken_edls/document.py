"""What is wrong with the document as a whole: its output, its song, its checksums."""

from __future__ import annotations

from hypothesis import strategies as st

from support.broken_edls.kit import I64, NO_SHA256, UNIT, mutation, pick, ranged

ranged("output.background_rgb", 0, 0xFFFFFF, (0, 2**32 - 1))
ranged("output.width", 16, 7680)
ranged("output.height", 16, 7680)
ranged("audio.offset_us", 0, I64[1], I64)
ranged("audio.duration_us", 1, I64[1], I64)
ranged("audio.fade_in_us", 0, I64[1], I64)
ranged("audio.fade_out_us", 0, I64[1], I64)
ranged("audio.ducked", 0, UNIT)


@mutation
def odd_side(data, sample):
    side = data.draw(st.sampled_from(["width", "height"]))
    setattr(sample.edl.output, side, 2 * data.draw(st.integers(8, 3839)) + 1)
    return f"output.{side}"


@mutation
def rate(data, sample):
    low_or_high = st.sampled_from([(0, 1), (29, 30), (-30, 1), (30, -1), (30, 0), (121, 1)])
    terms = st.sampled_from([(1_000_001, 40_000), (2**31 - 1, 2**31 - 1)])
    frame_rate = sample.edl.output.frame_rate
    frame_rate.num, frame_rate.den = data.draw(low_or_high | terms)
    return "output.frame_rate"


@mutation
def version(data, sample):
    sample.edl.version = data.draw(st.text(max_size=5).filter(lambda text: text != "1.0"))
    return "version"


@mutation
def no_project(data, sample):
    sample.edl.project_id = ""
    return "project_id"


@mutation
def no_song(data, sample):
    sample.edl.audio.asset_id = ""
    return "audio.asset_id"


@mutation
def checksums(data, sample):
    segment, at = pick(data, sample)
    targets = {
        "beat_grid_sha256": (sample.edl, "beat_grid_sha256"),
        "audio.sha256": (sample.edl.audio, "sha256"),
        f"{at}.media_sha256": (segment, "media_sha256"),
    }
    path = data.draw(st.sampled_from(sorted(targets)))
    setattr(*targets[path], data.draw(NO_SHA256))
    return path


@mutation
def song_of_another_project(data, sample):
    del sample.media["song"]
    return "audio.asset_id"


@mutation
def song_that_is_a_picture(data, sample):
    sample.edl.audio.asset_id = "photo"
    return "audio.asset_id"


@mutation
def song_of_other_bytes(data, sample):
    sample.media["song"].object.sha256 = "0" * 64
    return "audio.sha256"


@mutation
def song_that_ends_before(data, sample):
    info, audio = sample.media["song"].info, sample.edl.audio
    info.duration_us = audio.offset_us + audio.duration_us - 1_000_001
    return "audio.duration_us"


@mutation
def fades_longer_than_the_audio(data, sample):
    audio = sample.edl.audio
    audio.fade_out_us = audio.duration_us - audio.fade_in_us + data.draw(st.integers(1, 10**9))
    return "audio.fade_out_us"


@mutation
def no_segments(data, sample):
    del sample.edl.segments[:]
    return "segments"
