"""What requests may say: fields, pages, parts, keys, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import OutputFormat, Transition
from beatstitch.v1.project_service_pb2 import ListProjectsRequest
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_core.limits import default_limits
from beatstitch_gateway import paging
from beatstitch_gateway.keys import ApiKey
from beatstitch_gateway.uploads.plan import MAX_PARTS, plan_parts
from beatstitch_gateway.validation import Check, clean_filename

MIB = 1024 * 1024


def wrong(settings: TimelineSettings) -> list[str]:
    check = Check()
    check.timeline(settings, default_limits())
    return [violation.field.removeprefix("settings.") for violation in check.violations]


@pytest.mark.parametrize(
    "settings",
    [
        TimelineSettings(),
        TimelineSettings(beats_per_cut=64),
        TimelineSettings(output=OutputFormat(width=16, height=7680)),
        TimelineSettings(output=OutputFormat(frame_rate=Rational(num=30000, den=1001))),
        TimelineSettings(output=OutputFormat(frame_rate=Rational(num=120))),
        TimelineSettings(output=OutputFormat(frame_rate=Rational())),
        TimelineSettings(audio_start_us=1, audio_end_us=2),
    ],
)
def test_good_settings(settings):
    assert wrong(settings) == []


def test_all_that_is_wrong_is_told_at_once():
    settings = TimelineSettings(
        beats_per_cut=-1,
        output=OutputFormat(
            width=17,
            height=7682,
            frame_rate=Rational(num=1, den=2),
            background_rgb=0x1000000,
        ),
        transition=Transition(type=9, frames=-1),
        fit=9,
        fill=9,
        image_motion=99,
        on_low_confidence=9,
        audio_start_us=5,
        audio_end_us=5,
    )
    assert set(wrong(settings)) == {
        "beats_per_cut",
        "output.width",
        "output.height",
        "output.frame_rate",
        "output.background_rgb",
        "transition.type",
        "fit",
        "fill",
        "image_motion",
        "on_low_confidence",
        "transition.frames",
        "audio_end_us",
    }


@pytest.mark.parametrize("rate", [(121, 1), (-30, 1), (30, -1), (2_000_001, 1_000_000), (0, 5)])
def test_frame_rates_out_of_range(rate):
    num, den = rate
    output = OutputFormat(frame_rate=Rational(num=num, den=den))
    assert wrong(TimelineSettings(output=output)) == ["output.frame_rate"]


def test_done_raises_all():
    check = Check()
    check.display_name("")
    check.request_id("x" * 129)
    check.edl_hash("")
    check.profile("4k")
    with pytest.raises(BeatStitchError) as caught:
        check.done()
    fields = [violation.field for violation in caught.value.violations]
    assert fields == ["display_name", "request_id", "edl_hash", "profile"]


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\a b.jpg", "a b.jpg"),
        ("gpj.\u202eexe\x00\n", "gpj.exe"),
        ("Grüße 🎵.mp3", "Grüße 🎵.mp3"),
        ("/", ""),
    ],
)
def test_names_are_for_people(name, cleaned):
    assert clean_filename(name) == cleaned


@given(st.integers(0, 2**31 - 1))
def test_a_token_gives_its_key_back(place):
    row_id = new_id()
    token = paging.encode("assets", [place, row_id])
    assert paging.decode("assets", token, [int, str]) == [place, row_id]
    with pytest.raises(BeatStitchError):
        paging.decode("jobs", token, [int, str])
    with pytest.raises(BeatStitchError):
        paging.decode("assets", token, [str])


@given(st.text(max_size=60))
def test_no_text_breaks_a_page(text):
    if not text:
        assert paging.decode("jobs", text, [str]) is None
        return
    with pytest.raises(BeatStitchError) as caught:
        paging.decode("jobs", text, [str])
    assert caught.value.violations[0].field == "page_token"


@pytest.mark.parametrize("key", [["x"], [True], [1.5], [-1], [2**40], [None], [[1]]])
def test_no_forged_key_reaches_the_database(key):
    token = paging.encode("list", key)
    for shape in ([str], [int]):
        with pytest.raises(BeatStitchError):
            paging.decode("list", token, shape)


def test_pages():
    assert paging.page_size(0) == 50
    assert paging.page_size(1000) == 1000
    for bad in (-1, 1001):
        with pytest.raises(BeatStitchError):
            paging.page_size(bad)


def test_a_list_goes_on_after_the_last_row_that_was_shown():
    first = paging.Wanted("projects", ListProjectsRequest(page_size=2), str)
    assert (first.rows, first.after, first.after_id) == (3, None, None)
    ids = sorted(new_id() for _ in range(3))
    assert first.cut(ids[:2], lambda row: [row]) == (ids[:2], "")
    page, token = first.cut(ids, lambda row: [row])
    assert page == ids[:2]
    asked = ListProjectsRequest(page_size=2, page_token=token)
    assert paging.Wanted("projects", asked, str).after_id == ids[1]
    for kind, shape in (("renders", str), ("projects", int)):
        with pytest.raises(BeatStitchError):
            paging.Wanted(kind, asked, shape)


@given(st.integers(1, 5 * 10**12))
def test_parts_cover_the_file(size):
    parts = plan_parts(size, single_put_bytes=64 * MIB, part_bytes=16 * MIB)
    assert len(parts) <= MAX_PARTS
    assert (len(parts) == 1) == (size <= 64 * MIB)
    end = 0
    for number, part in enumerate(parts, 1):
        assert part.part_number == number
        assert part.offset_bytes == end
        end += part.size_bytes
        if number < len(parts):
            assert part.size_bytes >= 16 * MIB
    assert end == size


def test_keys():
    key = ApiKey.generate()
    assert key.text == f"bsk_{key.key_id}_{key.secret}"
    read = ApiKey.parse(key.text)
    assert read == key
    assert read is not None
    assert read.proves(key.secret_sha256)
    assert not read.proves(ApiKey.generate().secret_sha256)
    assert key.secret not in repr(key)
    for bad in ("", "bsk", "bsk__", "bsk_a_", "xxx_a_b", "bsk_a_b_c"):
        assert ApiKey.parse(bad) is None
