"""1,000 cuts at every rate, read back by OpenTimelineIO and its adapters: not a frame of drift.

FCPXML's adapter rounds to whole frames per second and divides in floats, so that format is read
here with exact fractions, and by the adapter for its structure only.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest

from beatstitch.v1 import common_pb2, edl_pb2, timeline_service_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.ways_in import Reach, reach
from beatstitch_core.timebase import frame_at, rate_fraction
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.exports import export_timeline

OTIO = timeline_service_pb2.EXPORT_FORMAT_OTIO
FCPXML = timeline_service_pb2.EXPORT_FORMAT_FCPXML
FCP7 = timeline_service_pb2.EXPORT_FORMAT_FCP7_XML
CMX = timeline_service_pb2.EXPORT_FORMAT_CMX3600
RATES = [(24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001)]
RATES += [(60, 1)]
CUTS = 1_000


@pytest.fixture(scope="module", params=RATES, ids=lambda rate: f"{rate[0]}-{rate[1]}")
def film(make, request):
    """A song of 1,001 beats that speeds up and slows down, cut on each of them."""
    return film_at(make, request.param)


def film_at(make, rate, cut_count=CUTS, **settings):
    steps = [260_000 + (i * 7_919) % 181_003 for i in range(cut_count)]
    times = list(accumulate(steps, initial=0))
    grid = make.grid(times, times[-1] + 400_000)
    grid.beats_per_bar, grid.bpm_confidence = 4, 1
    third = times[-1] // 3
    for i, label in enumerate("AB<"):
        end = grid.duration_us if i == 2 else (i + 1) * third
        grid.sections.add(start_us=i * third, end_us=end, label=label)
    media = [make.image("photo"), make.clip("long", 60_000_000), make.clip("odd", 7_345_678)]
    media.append(make.song())
    media[-1].info.duration_us, media[-1].info.sample_rate = grid.duration_us, 44_100
    wish = TimelineSettings(beats_per_cut=1, **settings)
    wish.output.frame_rate.num, wish.output.frame_rate.den = rate
    edl = build_edl(make.PROJECT, make.song(), grid, media[:3], wish)
    assert len(edl.segments) == cut_count + 1
    return edl, grid, media


def exported(film, export_format):
    edl, grid, media = film
    return export_timeline(edl, grid, media, export_format, "file:///media/", "Song").content


def cuts(edl):
    return [segment.timeline_in_frame for segment in edl.segments]


def ins(edl):
    return [frame_at(s.source_in_us, edl.output.frame_rate) for s in edl.segments]


def is_clip(segment):
    return segment.media_type == common_pb2.MEDIA_TYPE_VIDEO


def beat_frames(edl, grid):
    end = edl.segments[-1].timeline_out_frame
    frames = [frame_at(beat.time_us, edl.output.frame_rate) for beat in grid.beats]
    return [frame for frame in frames if frame < end]


def clips_of(track):
    return [child for child in track if isinstance(child, otio.schema.Clip)]


def begin_of(track, clip):
    begin = track.range_of_child(clip).start_time
    assert begin.value == round(begin.value)
    return begin.value


def check_track(edl, track):
    """Each cut, each source in-point and the whole length, as the library counts them."""
    clips, rate = clips_of(track), float(rate_fraction(edl.output.frame_rate))
    assert [begin_of(track, clip) for clip in clips] == cuts(edl)
    sooner = 0
    for clip, segment, start in zip(clips, edl.segments, ins(edl), strict=True):
        assert clip.source_range.start_time.rate == rate
        if is_clip(segment):
            # A clip that ends with its file may begin a frame before the nearest one.
            assert 0 <= start - clip.source_range.start_time.value <= 1
            sooner += start != clip.source_range.start_time.value
        lasts = segment.timeline_out_frame - segment.timeline_in_frame
        assert clip.source_range.duration.value == lasts
    assert sooner <= len(clips) // 50
    total = sum(clip.source_range.duration.value for clip in clips)
    assert total == edl.segments[-1].timeline_out_frame


def check_ranges(track):
    for clip in clips_of(track):
        available = clip.media_reference.available_range
        assert available is not None
        assert clip.source_range.start_time >= available.start_time
        last = clip.source_range.end_time_exclusive().rescaled_to(1e9)
        assert last <= available.end_time_exclusive().rescaled_to(1e9) + otio.opentime.RationalTime(
            1e3, 1e9
        )


def test_opentimelineio(film):
    edl, grid, _ = film
    timeline = otio.adapters.read_from_string(exported(film, OTIO).decode(), "otio_json")
    (track,) = timeline.video_tracks()
    check_track(edl, track)
    check_ranges(track)
    markers = timeline.tracks.markers
    kinds = [marker.metadata["beatstitch"]["kind"] for marker in markers]
    beats = [m for m, kind in zip(markers, kinds, strict=True) if kind != "section"]
    assert [m.marked_range.start_time.value for m in beats] == beat_frames(edl, grid)
    assert kinds.count("bar") == sum(b.is_downbeat for b in grid.beats[: len(beats)])
    sections = [m for m, kind in zip(markers, kinds, strict=True) if kind == "section"]
    assert [m.name for m in sections] == ["Section A", "Section B", "Section <"]
    assert sections[0].marked_range.start_time.value == 0
    assert sum(m.marked_range.duration.value for m in sections) == timeline.duration().value
    (sound,) = timeline.audio_tracks()
    assert 0 <= timeline.duration().value - sound[0].source_range.duration.value <= 1
    assert timeline.duration().value == edl.segments[-1].timeline_out_frame


def test_final_cut_pro_7(film):
    edl, grid, _ = film
    timeline = otio.adapters.read_from_string(exported(film, FCP7).decode(), "fcp_xml")
    (track,) = timeline.video_tracks()
    check_track(edl, track)
    markers = timeline.tracks.markers
    starts = [m.marked_range.start_time.value for m in markers if not m.name.startswith("Section")]
    assert starts == beat_frames(edl, grid)
    assert timeline.duration().value == edl.segments[-1].timeline_out_frame
    rate = float(rate_fraction(edl.output.frame_rate))
    assert timeline.duration().rate == rate
    assert {m.marked_range.start_time.rate for m in markers} == {rate}


def test_cmx_3600(film):
    edl, grid, _ = film
    rate = float(rate_fraction(edl.output.frame_rate))
    text = exported(film, CMX).decode()
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=rate)
    (track,) = timeline.video_tracks()
    check_track(edl, track)
    found = [
        marker.marked_range.start_time.value
        for clip in clips_of(track)
        for marker in clip.markers
        if not marker.name.startswith("Section")
    ]
    assert found == beat_frames(edl, grid)
    # The song ends up to half a frame before the video's last frame does; never past its end.
    for sound in timeline.audio_tracks():
        assert 0 <= track.duration().value - sound.duration().value <= 1


def seconds(text):
    return Fraction(text.removesuffix("s"))


def test_final_cut_pro_x(film):
    edl, grid, _ = film
    rate = rate_fraction(edl.output.frame_rate)
    root = ET.fromstring(exported(film, FCPXML))  # noqa: S314 - our own
    sequence = root.find("library/event/project/sequence")
    assert seconds(sequence.get("duration")) * rate == edl.segments[-1].timeline_out_frame
    formats = {form.get("id"): form for form in root.iter("format")}
    assert seconds(formats[sequence.get("format")].get("frameDuration")) == 1 / rate
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    shots = list(sequence.find("spine"))
    assert [seconds(shot.get("offset")) * rate for shot in shots] == cuts(edl)
    assert sum(seconds(shot.get("duration")) for shot in shots) == seconds(sequence.get("duration"))
    found = []
    for shot, segment, start in zip(shots, edl.segments, ins(edl), strict=True):
        local = seconds(shot.get("start"))
        if is_clip(segment):
            assert shot.tag == "asset-clip"
            assert (local * rate).denominator == 1
            assert abs(local * rate - start) <= 1
            whole = seconds(assets[shot.get("ref")].get("duration"))
            assert local + seconds(shot.get("duration")) <= whole
        else:
            assert shot.tag == "video"
            assert assets[shot.get("ref")].get("duration") == "0s"
        for marker in shot.iter("marker"):
            at = seconds(marker.get("start")) - local
            assert 0 <= at < seconds(shot.get("duration"))
            found.append((at + seconds(shot.get("offset"))) * rate)
    assert found == beat_frames(edl, grid)
    assert [m.get("value") for m in root.iter("chapter-marker")] == [
        "Section A",
        "Section B",
        "Section <",
    ]


# The adapter's own, from Python 3.12 on: it asks an XML element for its truth.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
@pytest.mark.parametrize("rate", [(24, 1), (25, 1), (30, 1), (50, 1), (60, 1)])
def test_final_cut_pro_xs_adapter_sees_the_same_clips(make, rate):
    edl, grid, media = film_at(make, rate)
    for segment in edl.segments:  # it can't read still pictures
        segment.media_type, segment.media_asset_id = common_pb2.MEDIA_TYPE_VIDEO, "long"
        segment.ClearField("effect")
        segment.fill = edl_pb2.FILL_POLICY_HOLD
        segment.source_in_us, segment.source_out_us = 1_000_000, 59_000_000
    text = export_timeline(edl, grid, media, FCPXML, "file:///media/").content.decode()
    (timeline,) = otio.adapters.read_from_string(text, "fcpx_xml")
    picture = next(track for track in timeline.tracks if track.name == "0")
    clips = clips_of(picture)
    assert len(clips) == CUTS + 1
    assert {clip.name for clip in clips} == {"long.bin"}
    for clip, segment in zip(clips, edl.segments, strict=True):
        lasts = segment.timeline_out_frame - segment.timeline_in_frame
        assert 0 <= lasts - clip.source_range.duration.value <= 1  # its floats round down


@pytest.mark.parametrize("align", edl_pb2.TransitionAlign.values())
@pytest.mark.parametrize("rate", [(30_000, 1_001), (25, 1)])
def test_transitions_are_where_they_are(make, rate, align):
    fade = edl_pb2.Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=4, align=align)
    film = film_at(make, rate, 200, transition=fade)
    edl, _, _ = film
    timeline = otio.adapters.read_from_string(exported(film, OTIO).decode(), "otio_json")
    seven = otio.adapters.read_from_string(exported(film, FCP7).decode(), "fcp_xml")
    rated = float(rate_fraction(edl.output.frame_rate))
    cmx = otio.adapters.read_from_string(exported(film, CMX).decode(), "cmx_3600", rate=rated)
    wanted = [reach(s.transition_in) for s in edl.segments if s.transition_in.frames]
    assert len(wanted) == 200
    # Final Cut Pro 7 centres exactly: an odd one is a frame shorter.
    even = [Reach(min(r), min(r)) if min(r) else r for r in wanted]
    for read, expected in ((timeline, wanted), (seven, even)):
        (track,) = read.video_tracks()
        check_track(edl, track)
        joins = [child for child in track if isinstance(child, otio.schema.Transition)]
        assert [Reach(j.in_offset.value, j.out_offset.value) for j in joins] == expected
    (track,) = cmx.video_tracks()
    early = [
        s.timeline_in_frame - begin_of(track, c)
        for s, c in zip(edl.segments, clips_of(track), strict=True)
    ]
    assert early == [0, *(before for before, _ in wanted)]
    joins = [child for child in track if isinstance(child, otio.schema.Transition)]
    assert [j.out_offset.value for j in joins] == [sum(frames) for frames in wanted]
    assert track.duration().value == edl.segments[-1].timeline_out_frame
