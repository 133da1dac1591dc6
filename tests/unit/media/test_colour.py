"""The matrix of tagged and untagged video."""

from __future__ import annotations

import pytest

from beatstitch_media.colour import BT470BG, BT709, KNOWN, yuv_matrix

RGB, UNSPECIFIED, ICTCP = 0, 2, 14


@pytest.mark.parametrize("tagged", sorted(KNOWN))
def test_what_the_file_says_counts(tagged: int):
    assert yuv_matrix(tagged, 320, 180) == yuv_matrix(tagged, 3840, 2160) == tagged


@pytest.mark.parametrize("tagged", [RGB, UNSPECIFIED, ICTCP])
@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ((1280, 720), BT709),
        ((720, 1280), BT709),  # turned later
        ((1278, 718), BT470BG),
        ((1920, 719), BT470BG),
        ((720, 576), BT470BG),
    ],
)
def test_what_it_does_not_say_is_guessed_by_its_lines(tagged, size, matrix):
    assert yuv_matrix(tagged, *size) == matrix
