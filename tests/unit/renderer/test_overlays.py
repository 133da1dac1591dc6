"""Overlays: what of them is in a piece, how strong they are, and what letters and marks cover."""

from __future__ import annotations

import unicodedata
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch.v1.edl_pb2 import Overlay, TextCard
from beatstitch_renderer.compositor.overlays import Overlays
from beatstitch_renderer.compositor.planes import filled
from beatstitch_renderer.compositor.text import drawable, lettering, text_build
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.overlays import overlays_in, strength_at
from beatstitch_renderer.planning.plan import plan_render

WHOLE = 65_536
WHITE, BLUE = 0xFFFFFF, 0x204080
# Of letters drawn by HarfBuzz 15.0.0; to be made anew with another version of it or of the font.
DRAWN = "960424ae80d8e926c7cc7074dd5122c395ee23b288ca1939d25729341fde55e3"


def card(text: str, line_height=6554, centre=(32_768, 32_768), **more) -> TextCard:
    made = TextCard(text=text, line_height=line_height, rgb=WHITE, **more)
    made.centre.x, made.centre.y = centre
    return made


@st.composite
def overlays(draw) -> Overlay:
    begin = draw(st.integers(0, 60))
    length = draw(st.integers(1, 60))
    return Overlay(
        in_frame=begin,
        out_frame=begin + length,
        fade_frames=draw(st.integers(0, length // 2)),
        text=card("x"),
    )


@given(overlays(), st.integers(0, 100), st.integers(1, 40))
def test_a_piece_knows_all_of_an_overlay_that_it_shows(overlay, start, count):
    wanted = [strength_at(overlay, start + f) for f in range(count)]
    shown = list(overlays_in([overlay], start, start + count))
    assert [strength_at(o, f) for o in shown for f in range(count)] == (
        wanted if any(wanted) else []
    )


@given(overlays(), st.integers(1, 20))
def test_pieces_in_the_midst_of_an_overlay_are_equal(overlay, count):
    overlay.out_frame = overlay.in_frame + 2 * overlay.fade_frames + count + 7
    first = overlay.in_frame + overlay.fade_frames
    made = [list(overlays_in([overlay], first + d, first + d + count)) for d in range(8)]
    assert all(other == made[0] for other in made)


def test_an_overlay_comes_and_goes_in_equal_steps():
    overlay = Overlay(in_frame=3, out_frame=10, fade_frames=3)
    steps = [strength_at(overlay, frame) for frame in range(2, 11)]
    assert steps == [0, 16_384, 32_768, 49_152, WHOLE, 49_152, 32_768, 16_384, 0]


def test_only_pieces_under_an_overlay_have_another_name(shot, make_edl, profile):
    edl = make_edl([shot(f"m{i}", 20) for i in range(30)])
    sizes = PieceSizes(40, 60, 80)
    plain = plan_render(edl, profile, "f", sizes)
    edl.overlays.add(in_frame=100, out_frame=130, fade_frames=5, text=card("Hello"))
    titled = plan_render(edl, profile, "f", sizes)
    for before, after in zip(plain.chunks, titled.chunks, strict=True):
        touched = before.start_frame < 130 and before.end_frame > 100
        assert (before.chunk_hash != after.chunk_hash) == touched
    assert len(plain.chunks) > 5


def test_no_asset_id_is_in_a_piece(shot, make_edl, profile):
    edl = make_edl([shot("m", 40)])
    mark = edl.overlays.add(in_frame=0, out_frame=40).picture
    mark.media_asset_id, mark.media_sha256 = "an id", "ab" * 32
    one = plan_render(edl, profile, "f")
    mark.media_asset_id = "another"
    assert plan_render(edl, profile, "f").output_hash == one.output_hash
    mark.media_sha256 = "cd" * 32
    assert plan_render(edl, profile, "f").output_hash != one.output_hash


HOSTILE = [
    "W" * 500,
    "\n" * 499 + "x",
    "é\u0301\u0301\u0301\u0301" * 100,
    "שלום עולם \u202e reversed",
    "مرحبا بالعالم",
    "\U0001f389\U0001f468\u200d\U0001f469\u200d\U0001f467" * 30,
    "\x00\x01\x07\x1b[31mred\x7f",
    "\ufeff\u2066\u2069\ufffe",
    "नमस्ते दुनिया",
    "Ω" * 200 + "\n" + "Ж",
]
FRAMES = [(16, 16), (320, 180), (180, 320), (1280, 720)]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("frame", FRAMES, ids=str)
@pytest.mark.parametrize("line_height", [655, 6554, 32_768])
def test_letters_never_leave_nine_tenths_of_the_frame(text, frame, line_height):
    found = lettering(card(text, line_height, centre=(0, 65_536)), frame)
    if found is None:
        assert not any(drawable(text))
        return
    tall, wide = found.mask.shape
    assert found.x >= 0
    assert found.y >= 0
    assert found.x + wide <= frame[0]
    assert found.y + tall <= frame[1]
    # Two for rounding to whole and to even pixels.
    assert wide <= 0.9 * frame[0] + 0.02 * frame[0] + 2
    assert {found.x % 2, found.y % 2, wide % 2, tall % 2} == {0}


@settings(deadline=None)
@given(st.text(min_size=1, max_size=500))
def test_no_text_breaks_it(text):
    frame = (64, 36)
    found = lettering(card(text), frame)
    if found is not None:
        assert found.x + found.mask.shape[1] <= frame[0]
        assert found.y + found.mask.shape[0] <= frame[1]


def test_controls_are_not_drawn():
    assert drawable("a\x00b\u202ec\td\u2028e\nf\x7f") == ["abc d e", "f"]
    kinds = {unicodedata.category(c) for c in "".join(drawable("".join(map(chr, range(0x3000)))))}
    assert not {kind for kind in kinds if kind.startswith("C")} - {"Cf"}


@pytest.mark.parametrize("letter", "aZäßñøŁΩλЖяІ")
def test_the_font_has_letters_of_these_scripts(letter):
    missing = lettering(card("\U0001f389", 32_768), (320, 180))
    found = lettering(card(letter, 32_768), (320, 180))
    assert found is not None
    assert missing is not None
    assert found.mask.shape != missing.mask.shape or not np.array_equal(found.mask, missing.mask)


def wide(text: str) -> int:
    found = lettering(card(text, 13_107), (1280, 720))
    assert found is not None
    return int(np.ptp(np.nonzero(found.mask.any(axis=0))[0])) + 1


def test_letters_that_lean_to_each_other_stand_closer():
    assert wide("AV" * 8) < 0.95 * (wide("A" * 8) + wide("V" * 8))


def test_letters_that_join_are_joined_also_after_another_script():
    """KA, virama and SSA are one letter, KSSA."""
    joined = wide("\u0915\u094d\u0937")
    assert joined < 0.85 * (wide("\u0915\u094d") + wide("\u0937"))
    # The first letter's own place, whatever follows it.
    before = wide("A \u0937") - wide("\u0937")
    assert abs(wide("A \u0915\u094d\u0937") - joined - before) <= 6


def test_every_machine_draws_the_same_letters():
    """By the wheels that `constraints.txt` pins and nothing of the system's, whatever it has."""
    found = lettering(
        card("Tel Aviv \u0416\u0438\u0437\u043d\u044c \u0915\u094d\u0937"), (1280, 720)
    )
    assert found is not None
    assert sha256(found.mask.tobytes()).hexdigest() == DRAWN, text_build()


def test_text_is_as_high_as_asked_and_in_its_place():
    found = lettering(card("Hxg", 13_107, centre=(16_384, 49_152)), (1280, 720))
    assert found is not None
    tall, wide = found.mask.shape
    assert abs(found.x + wide / 2 - 320) <= 2
    assert abs(found.y + tall / 2 - 540) <= 2
    # A line of Noto Sans is 1.362 em, from an ascender down to a descender it is 0.95.
    assert tall == pytest.approx(144 * 0.95 / 1.362, rel=0.05)
    assert found.mask.max() == 255
    assert len(np.unique(found.mask)) > 30


def content(*made: Overlay, size=(320, 180), frames=20) -> ChunkContent:
    piece = ChunkContent(frame_count=frames, overlays=made)
    piece.output.width, piece.output.height = size
    return piece


def no_pictures(_sha256, _size):
    raise AssertionError("nothing is to be loaded")


def test_text_stands_on_a_veil_and_fades_with_it():
    made = Overlay(in_frame=0, out_frame=20, fade_frames=4)
    made.text.CopyFrom(card("M", 32_768, veil_rgb=0, veil_opacity=WHOLE // 2))
    below = filled(320, 180, WHITE)
    above = Overlays(content(made), no_pictures)
    corners = [int(above.over(below, f).y[0, 0]) for f in range(20)]
    # White is 235, under half black 125.5.
    wanted = [235 - 109.5 * min(f + 1, 20 - f, 5) / 5 for f in range(20)]
    assert np.abs(np.array(corners) - wanted).max() <= 1
    assert int(above.over(below, 10).y.max()) == 235
    assert np.array_equal(below.y, filled(320, 180, WHITE).y)


def test_nothing_changes_nothing_and_the_same_stays_the_same():
    made = Overlay(in_frame=5, out_frame=15, text=card("M"))
    below = filled(320, 180, BLUE)
    above = Overlays(content(made), no_pictures)
    assert above.over(below, 4) is below
    assert above.over(below, 5) is above.over(below, 6)
    assert above.over(below, 15) is below


def mark(opacity=WHOLE, place=(0, 0, WHOLE, WHOLE)) -> Overlay:
    made = Overlay(in_frame=0, out_frame=20)
    made.picture.media_sha256, made.picture.opacity = "ab" * 32, opacity
    made.picture.place.x, made.picture.place.y = place[:2]
    made.picture.place.w, made.picture.place.h = place[2:]
    return made


@pytest.mark.parametrize("rgb", [0xFF0000, 0x00FF00, 0x0000FF, 0x808080, 0x123456])
@pytest.mark.parametrize("opacity", [WHOLE, 39_322, 1])
def test_a_mark_is_blended_by_its_opacity(rgb, opacity):
    pixels = np.empty((40, 60, 3), np.uint8)
    pixels[...] = [rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255]
    below = filled(320, 180, BLUE)
    made = mark(opacity, (16_384, 16_384, 32_768, 32_768))
    got = Overlays(content(made), lambda _s, _n: pixels).over(below, 0)
    full = filled(320, 180, rgb)
    for plane, under, over in zip(got.all, below.all, full.all, strict=True):
        wide = plane.shape[1]
        share = opacity / WHOLE
        wanted = int(under[0, 0]) * (1 - share) + int(over[0, 0]) * share
        assert abs(int(plane[plane.shape[0] // 2, wide // 2]) - wanted) <= 1.5
        assert plane[0, 0] == under[0, 0]
    # 60 × 40 into 160 × 90 is 135 × 90.
    changed = np.nonzero(got.y != below.y)
    if opacity == WHOLE:
        assert (np.ptp(changed[0]) + 1, np.ptp(changed[1]) + 1) == (90, 135)


def test_a_mark_is_seen_through_where_it_is_clear_and_its_hidden_colour_never_shows():
    pixels = np.zeros((90, 90, 4), np.uint8)
    pixels[..., 1] = 255  # green where nothing is seen
    pixels[20:70, 20:70] = [255, 0, 0, 255]
    below = filled(320, 180, 0)
    got = Overlays(content(mark(place=(1000, 2000, 9_001, 30_001))), lambda _s, _n: pixels).over(
        below, 0
    )
    assert got.y[0, 0] == below.y[0, 0]
    # Red has a high V and a U below the middle, green has both low.
    assert int(got.v.min()) >= 127
    assert int(got.v.max()) > 225


def test_the_later_one_lies_above():
    red, green = (np.full((8, 8, 3), 0, np.uint8) for _ in range(2))
    red[..., 0], green[..., 1] = 255, 255
    one, two = mark(), mark()
    two.picture.media_sha256 = "cd" * 32
    pictures = {"ab" * 32: red, "cd" * 32: green}
    below = filled(320, 320, 0)
    got = Overlays(content(one, two, size=(320, 320)), lambda s, _n: pictures[s]).over(below, 0)
    assert abs(int(got.y[160, 160]) - int(filled(16, 16, 0x00FF00).y[0, 0])) <= 1
