"""How strong a blow is in each frame."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.planning.accents import amount_at

PUNCH, FLASH = edl_pb2.ACCENT_TYPE_PUNCH_IN, edl_pb2.ACCENT_TYPE_FLASH


def blow(kind=FLASH, frame=0, frames=4, amount=65_536) -> edl_pb2.Accent:
    return edl_pb2.Accent(type=kind, frame=frame, frames=frames, amount=amount)


def test_it_begins_whole_and_falls_to_nothing():
    accents = [blow(frame=3, frames=4)]
    amounts = [amount_at(accents, FLASH, step) for step in range(-2, 9)]
    assert amounts == [0, 0, 0, 0, 0, 65_536, 49_152, 32_768, 16_384, 0, 0]
    assert not any(amount_at(accents, PUNCH, step) for step in range(9))


def test_a_blow_over_the_rest_of_another_is_whole():
    accents = [blow(frame=0, frames=10, amount=50_000), blow(frame=8, frames=10, amount=20_000)]
    assert amount_at(accents, FLASH, 7) == 15_000
    assert amount_at(accents, FLASH, 8) == 20_000
    assert amount_at(accents, FLASH, 9) == 18_000


@given(
    frame=st.integers(0, 50),
    frames=st.integers(1, 60),
    amount=st.integers(1, 65_536),
    step=st.integers(-20, 140),
)
def test_it_falls_linearly(frame, frames, amount, step):
    found = amount_at([blow(PUNCH, frame, frames, amount)], PUNCH, step)
    i = step - frame
    exact = Fraction(amount * (frames - i), frames) if 0 <= i < frames else Fraction(0)
    assert abs(found - exact) <= Fraction(1, 2)
