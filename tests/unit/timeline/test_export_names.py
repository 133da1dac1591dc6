"""Filenames and titles that want to be something else: markup, paths, lines, formulas."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import analysis_service_pb2, failure_pb2, timeline_service_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import canonical_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.builder import build_edl
from beatstitch_timeline.exports import export_grid, export_timeline
from beatstitch_timeline.exports.names import (
    base_name,
    clean,
    distinct,
    file_name,
    media_url,
    reels,
)

OTIO = timeline_service_pb2.EXPORT_FORMAT_OTIO
FCPXML = timeline_service_pb2.EXPORT_FORMAT_FCPXML
FCP7 = timeline_service_pb2.EXPORT_FORMAT_FCP7_XML
CMX = timeline_service_pb2.EXPORT_FORMAT_CMX3600
JSON = timeline_service_pb2.EXPORT_FORMAT_JSON
HOSTILE = [
    'it\'s "quoted".mp4',
    "two\nlines\r\n* M2 X 000.0.mp4",
    "]]><clip/>&amp;<!--.mp4",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "日本語 🎬 ñ.mov",
    "\u202egnp.exe",
    "nul\x00byte\x1b[31m.png",
    "separator\u2028line\u2029.mp4",
    "..",
    "",
    "=HYPERLINK(1).mp4",
    "a" * 500 + ".mp4",
    "%2e%2e%2f?#.mp4",
    "TITLE: x",
    "\ud800.mp4".encode("utf-8", "replace").decode(),
]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def film(make, names, title="Song", labels=()):
    media = []
    for i, name in enumerate(names):
        media.append(make.clip(f"clip-{i}", 20_000_000))
        media[-1].filename = name
    grid = make.grid(range(0, 8_000_000, 500_000), 8_000_000)
    for i, label in enumerate(labels):
        grid.sections.add(start_us=i * 1_000_000, end_us=(i + 1) * 1_000_000, label=label)
    edl = build_edl("p", make.song(), grid, media, TimelineSettings(beats_per_cut=1))
    return edl, grid, [*media, make.song()], title


def written(parts, export_format, base=""):
    edl, grid, media, title = parts
    return export_timeline(edl, grid, media, export_format, base, title)


def check_all(make, names, title, labels):
    parts = film(make, names, title, labels)
    edl = parts[0]
    for export_format in timeline_service_pb2.ExportFormat.values()[1:]:
        file = written(parts, export_format, "file:///media")
        assert "/" not in file.filename
        assert "\\" not in file.filename
        assert file.filename.isprintable()
        assert not file.filename.startswith(".")
        text = file.content.decode()
        assert "\x00" not in text
    for export_format in (FCPXML, FCP7):
        root = ET.fromstring(written(parts, export_format).content)  # noqa: S314 - our own
        assert not [node for node in root.iter() if node.tag == "clip"]
    seven = otio.adapters.read_from_string(written(parts, FCP7).content.decode(), "fcp_xml")
    cmx = otio.adapters.read_from_string(written(parts, CMX).content.decode(), "cmx_3600", rate=30)
    for timeline in (seven, cmx):
        clips = list(timeline.video_tracks()[0])
        assert len(clips) == len(edl.segments)
        assert all(not clip.effects for clip in clips)
    shown = {clip.name for clip in seven.video_tracks()[0]}
    assert len(shown) == min(len(names), len(edl.segments))
    return cmx


def test_hostile_names_are_harmless_everywhere(make):
    cmx = check_all(make, HOSTILE[:16], 'T "]]>\n<a>&', ["]]>", "x\ny", "<"])
    names = [clip.name for clip in cmx.video_tracks()[0]]
    assert names[0] == 'it\'s "quoted".mp4'
    assert names[1] == "two lines * M2 X 000.0.mp4"
    assert names[3] == "passwd"
    assert names[5] == "日本語 🎬 ñ.mov"


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=5), ANY_TEXT, st.lists(ANY_TEXT, max_size=4))
def test_any_names_are_harmless_everywhere(make, names, title, labels):
    check_all(make, names, title, labels)


@given(st.lists(ANY_TEXT, max_size=12))
def test_names_and_reels_are_all_different(names):
    cleaned = distinct([base_name(name, "media") for name in names])
    assert len({name.casefold() for name in cleaned}) == len(names)
    short = reels(cleaned)
    assert len(set(short)) == len(names)
    for reel in short:
        assert 1 <= len(reel) <= 8
        assert set(reel) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
        assert reel not in {"AX", "BL", "BLACK", "BARS"}


def test_the_second_of_a_name_has_a_number(make):
    assert distinct(["a.mp4", "A.mp4", "a.mp4", "b"]) == ["a.mp4", "A (2).mp4", "a (3).mp4", "b"]
    assert reels(["black.mp4", "x.mp4", "x.mov", "ü.mp4", "🎬"]) == [
        "BLACK2",
        "X",
        "X2",
        "U",
        "CLIP",
    ]
    file = written(film(make, ["a.mp4", "a.mp4"]), FCP7)
    assert "1 files have a number added to their names, because others have the same" in list(
        file.warnings
    )


def test_files_are_looked_for_under_the_base(make):
    assert media_url("", "a b#?.mp4") == "a%20b%23%3F.mp4"
    assert media_url("file:///m", "ä.mp4") == "file:///m/%C3%A4.mp4"
    assert media_url("https://x/y/\n", "a") == "https://x/y/a"
    text = written(film(make, ["../../a&b.mp4"]), OTIO, "file:///media/").content.decode()
    (track,) = otio.adapters.read_from_string(text, "otio_json").video_tracks()
    assert track[0].media_reference.target_url == "file:///media/a%26b.mp4"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("My Song", "My-Song.otio"),
        ("", "timeline.otio"),
        ("../../x", "x.otio"),
        ("...", "timeline.otio"),
        ("Ärger/§", "Ärger.otio"),
        ("con\x00trol\n", "con-trol.otio"),
    ],
)
def test_the_files_own_name_is_safe(title, name):
    assert file_name(title, ".otio") == name


def test_what_nothing_is_left_of_has_a_fallback():
    assert clean("\x00\n \u200b", "x") == "x"
    assert [base_name(name, "m") for name in ("", ".", "..", "a/", "/")] == ["m"] * 5


def test_assets_that_are_gone_are_named_by_their_id(make):
    edl, grid, _, _ = film(make, ["a.mp4"])
    file = export_timeline(edl, grid, [], CMX)
    assert "* FROM CLIP NAME: clip-0" in file.content.decode()
    assert file.warnings[0].startswith("2 files are not in the project any more")


def test_json_is_the_edl_itself(make):
    parts = film(make, ["a.mp4"])
    file = written(parts, JSON)
    assert file.content == canonical_json(parts[0])
    assert not file.warnings
    assert file.filename == "Song.json"


@pytest.mark.parametrize(("wrong", "field"), [(0, "format"), (99, "format")])
def test_an_unknown_format_is_refused(make, wrong, field):
    with pytest.raises(BeatStitchError) as caught:
        written(film(make, ["a"]), wrong)
    assert caught.value.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    assert caught.value.violations[0].field == field


@pytest.mark.parametrize("export_format", [FCP7, CMX])
def test_rates_that_can_not_be_counted_are_refused(make, export_format):
    edl, grid, media, _ = film(make, ["a"])
    edl.output.frame_rate.num, edl.output.frame_rate.den = 25, 2
    with pytest.raises(BeatStitchError) as caught:
        export_timeline(edl, grid, media, export_format)
    assert caught.value.violations[0].field == "format"
    assert export_timeline(edl, grid, media, FCPXML).content


def test_a_spreadsheet_sees_no_formula(make):
    grid = make.grid([0, 500_000], 1_000_000)
    grid.sections.add(start_us=0, end_us=1_000_000, label="A", name='=HYPERLINK("x"),"y')
    file = export_grid(grid, analysis_service_pb2.BEAT_GRID_FORMAT_CSV)
    rows = list(csv.reader(io.StringIO(file.content.decode())))
    assert rows[1][4] == '\'=HYPERLINK("x"),"y'
    assert {len(row) for row in rows} == {5}
