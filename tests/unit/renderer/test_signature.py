"""What a picture is recognised by after encoding."""

from __future__ import annotations

import numpy as np
import pytest

from beatstitch_renderer.compositor.planes import signature


@pytest.mark.parametrize("size", [(64, 36), (96, 64), (160, 90), (1920, 1080)], ids=str)
def test_a_signature_is_of_means_and_not_of_pixels(size):
    """x264 keeps a mean, and changes single pixels of fine detail by much more than it."""
    width, height = size
    detail = np.random.default_rng(5).integers(0, 2, (height, width)) * 200 + 20
    blurred = detail.astype(np.float64)
    for axis in (0, 1):
        blurred = (blurred + np.roll(blurred, 1, axis) + np.roll(blurred, -1, axis)) / 3
    sharp, soft = (
        np.frombuffer(signature(picture.astype(np.uint8)), np.uint8).astype(int)
        for picture in (detail, blurred)
    )
    assert np.abs(sharp - soft).max() < 16, "what a measurement calls another picture"


def test_pictures_of_other_places_differ():
    picture = np.zeros((36, 64), np.uint8)
    picture[:, :32] = 255
    there, mirrored = signature(picture), signature(picture[:, ::-1])
    assert there != mirrored
