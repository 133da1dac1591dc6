"""What Final Cut Pro's own readers insist on: order of elements, references, effects, rates."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from beatstitch.v1 import edl_pb2, timeline_service_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.exports import export_timeline

OTIO = timeline_service_pb2.EXPORT_FORMAT_OTIO
FCPXML = timeline_service_pb2.EXPORT_FORMAT_FCPXML
FCP7 = timeline_service_pb2.EXPORT_FORMAT_FCP7_XML
CMX = timeline_service_pb2.EXPORT_FORMAT_CMX3600
# Of the DTD of FCPXML 1.10: which children an element has, in which order, and its attributes.
CHILDREN = {
    "fcpxml": ["resources", "library"],
    "resources": ["asset effect format"],
    "asset": ["media-rep"],
    "library": ["event"],
    "event": ["project"],
    "project": ["sequence"],
    "sequence": ["spine"],
    "spine": ["asset-clip video transition"],
    "asset-clip": ["timeMap", "adjust-conform", "asset-clip", "marker chapter-marker"],
    "video": ["timeMap", "adjust-conform", "asset-clip", "marker chapter-marker"],
    "transition": ["filter-video"],
    "timeMap": ["timept"],
}
ATTRIBUTES = {
    "fcpxml": "version",
    "format": "id name frameDuration width height",
    "asset": "id name start duration hasVideo format hasAudio videoSources audioSources "
    "audioChannels audioRate",
    "media-rep": "kind src",
    "effect": "id name uid",
    "event": "name",
    "project": "name",
    "sequence": "format duration tcStart tcFormat audioLayout audioRate",
    "asset-clip": "ref lane offset name start duration srcEnable audioRole",
    "video": "ref offset name start duration",
    "transition": "name offset duration",
    "filter-video": "ref name",
    "timept": "time value interp",
    "adjust-conform": "type",
    "marker": "start duration value",
    "chapter-marker": "start duration value",
}
FADE = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=6)


@pytest.fixture
def film(make):
    """Pictures and clips with transitions, a trim, a slow clip, a wipe, markers."""
    media = [make.image("photo"), make.clip("long", 60_000_000), make.clip("short", 1_500_000)]
    media[1].info.frame_rate.num, media[1].info.frame_rate.den = 25, 1
    media[1].info.has_audio = True
    grid = make.grid(range(0, 20_000_000, 500_000), 20_000_000)
    grid.sections.add(start_us=0, end_us=20_000_000, label="A")
    song = make.song()
    song.info.duration_us, song.info.sample_rate = 20_000_000, 44_100
    wish = TimelineSettings(
        transition=FADE, fill=edl_pb2.FILL_POLICY_SPEED_FIT, audio_start_us=1_234_567
    )
    wish.output.frame_rate.num, wish.output.frame_rate.den = 30_000, 1_001
    edl = build_edl("p", song, grid, media, wish)
    edl.segments[3].transition_in.type = edl_pb2.TRANSITION_TYPE_WIPE
    edl.segments[4].transition_in.type = edl_pb2.TRANSITION_TYPE_FADE_WHITE
    edl.segments[6].transition_in.type = edl_pb2.TRANSITION_TYPE_FADE_BLACK
    return edl, grid, [*media, song]


def written(film, export_format):
    edl, grid, media = film
    return export_timeline(edl, grid, media, export_format, "file:///media/", "Film")


def tree(film, export_format):
    return ET.fromstring(written(film, export_format).content)  # noqa: S314 - our own


def test_fcpxml_keeps_the_dtds_order_and_attributes(film):
    root = tree(film, FCPXML)
    assert written(film, FCPXML).content.startswith(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.10">'
    )
    for node in root.iter():
        order = [names.split() for names in CHILDREN.get(node.tag, [])]
        places = [next(i for i, names in enumerate(order) if child.tag in names) for child in node]
        assert places == sorted(places), node.tag
        assert set(node.attrib) <= set(ATTRIBUTES.get(node.tag, "").split()), node.tag
    assert {node.tag for node in root.iter()} >= {"timeMap", "transition", "chapter-marker"}


def test_fcpxml_refers_to_what_there_is(film):
    root = tree(film, FCPXML)
    ids = [node.get("id") for node in root.find("resources")]
    assert len(set(ids)) == len(ids)
    refs = {node.get("ref") for node in root.iter() if node.get("ref")}
    refs |= {node.get("format") for node in root.iter() if node.get("format")}
    assert refs <= set(ids)
    effects = {node.get("name"): node.get("uid") for node in root.iter("effect")}
    assert set(effects) == {"Cross Dissolve", "Fade To Color"}


def test_fcpxml_plays_the_song_and_no_clips_sound(film):
    edl, _, _ = film
    root = tree(film, FCPXML)
    spine = root.find("library/event/project/sequence/spine")
    assert {clip.get("srcEnable") for clip in spine.findall("asset-clip")} == {"video"}
    (song,) = [clip for clip in spine.iter("asset-clip") if clip.get("lane")]
    assert (song.get("srcEnable"), song.get("lane")) == ("audio", "-1")
    assert song.get("offset") == spine[0].get("start")
    assert Fraction(song.get("start")[:-1]) * 1_000_000 == edl.audio.offset_us


def test_fcpxml_transitions_cover_their_frames(film):
    edl, _, _ = film
    spine = tree(film, FCPXML).find("library/event/project/sequence/spine")
    found = [
        Fraction(node.get("offset")[:-1]) * 30_000 / 1_001 for node in spine.iter("transition")
    ]
    wanted = [s.timeline_in_frame - 6 for s in edl.segments[1:]]
    assert set(found) <= set(wanted)
    assert len(found) >= len(wanted) - 4  # those of "short" have no material before it


def test_a_slow_clip_is_mapped_from_its_own_time(film):
    edl, _, _ = film
    slow = [s for s in edl.segments if s.HasField("speed")]
    assert slow
    root = tree(film, FCPXML)
    maps = list(root.iter("timeMap"))
    assert len(maps) == len(slow)
    for curve, segment in zip(maps, slow, strict=True):
        (t0, v0), (t1, v1) = [
            (Fraction(p.get("time")[:-1]), Fraction(p.get("value")[:-1])) for p in curve
        ]
        assert (v1 - v0) / (t1 - t0) == Fraction(segment.speed.points[0].rate, 65_536)
        assert v0 >= 0
        assert v1 <= Fraction(1_500_001, 1_000_000)


def test_fcp7_says_rates_transitions_and_files_once(film):
    root = tree(film, FCP7)
    sequence = root.find("sequence")
    assert sequence.find("rate/timebase").text == "30"
    assert sequence.find("rate/ntsc").text == "TRUE"
    effects = [node.text for node in root.iter("effectid")]
    assert {"Cross Dissolve", "Edge Wipe", "Dip to Color Dissolve", "timeremap"} <= set(effects)
    assert {node.text for node in root.iter("alignment")} == {"end"}
    full = [node.get("id") for node in root.iter("file") if node.find("pathurl") is not None]
    assert len(full) == len(set(full)) == 4
    assert {node.get("id") for node in root.iter("file")} == set(full)
    (clip,) = [node for node in root.iter("file") if node.findtext("name") == "long.bin"]
    assert clip.findtext("rate/timebase") == "25"
    assert clip.findtext("duration") == "1500"


def test_what_is_lost_is_said(film):
    edl, _, _ = film
    edl.segments[0].accents.add(type=edl_pb2.ACCENT_TYPE_FLASH, frame=0, frames=3, amount=65_536)
    for export_format in (FCPXML, FCP7, CMX):
        warnings = list(written(film, export_format).warnings)
        assert "1 accents are left out" in warnings
        assert any(text.endswith("moves over pictures are left out") for text in warnings)
    assert "2 transitions are dissolves here" in list(written(film, FCPXML).warnings)
    late = "the song begins up to a frame too early: it is counted in frames here"
    assert late in list(written(film, CMX).warnings)
    assert late in list(written(film, FCP7).warnings)
    assert late not in list(written(film, FCPXML).warnings)


def test_texts_marks_fades_and_sounds_that_are_lost_are_said(film):
    edl, _, _ = film
    edl.overlays.add(in_frame=0, out_frame=30).text.text = "Title"
    edl.overlays.add(in_frame=0, out_frame=30).picture.media_asset_id = "logo"
    edl.audio.fade_out_us = 1_000_000
    edl.segments[1].sound.gain = 65_536
    lost = {"1 texts are left out", "1 watermarks are left out", "the song's fades are left out"}
    for export_format in (FCPXML, FCP7, CMX):
        assert lost | {"1 sounds of clips are left out"} <= {*written(film, export_format).warnings}
    kept = "1 sounds of clips are kept as metadata only"
    file = written(film, OTIO)
    assert lost | {kept} <= {*file.warnings}
    assert b'"gain":65536' in file.content


def test_cmx_says_how_it_counts(film):
    text = written(film, CMX).content.decode()
    assert text.startswith("TITLE: Film\nFCM: NON-DROP FRAME\n")
    assert "* 30000/1001 FRAMES PER SECOND, NON-DROP FRAME" in text
    events = [line for line in text.splitlines() if line[:1].isdigit()]
    assert all(len(line.split()[1]) <= 8 for line in events)
    assert any(" W101 006 " in line for line in events)
    assert "M2   SHORT" in text


def test_the_same_timeline_is_the_same_file(film):
    for export_format in timeline_service_pb2.ExportFormat.values()[1:]:
        assert written(film, export_format) == written(film, export_format)
