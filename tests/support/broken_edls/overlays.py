"""What is wrong with what lies over the pictures."""

from __future__ import annotations

from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from support.broken_edls.kit import I32, NO_SHA256, UNIT, break_rectangle, mutation, outside


def overlay(sample, kind):
    """Puts one overlay over the whole video below the others, and returns it."""
    whole = edl_pb2.Overlay(out_frame=sample.edl.segments[-1].timeline_out_frame)
    if kind == "text":
        whole.text.text, whole.text.line_height = "a", 655
    elif kind == "picture":
        photo = sample.media["photo"]
        whole.picture.media_asset_id = photo.asset_id
        whole.picture.media_sha256 = photo.object.sha256
        whole.picture.place.w = whole.picture.place.h = whole.picture.opacity = 1
    sample.edl.overlays.insert(0, whole)
    return sample.edl.overlays[0]


@mutation
def overlays_too_many(data, sample):
    for _ in range(51):
        overlay(sample, "text")
    return "overlays"


@mutation
def overlay_of_nothing(data, sample):
    overlay(sample, None)
    return "overlays[0]"


@mutation
def overlay_before_the_video(data, sample):
    overlay(sample, "text").in_frame = outside(data, 0, I32[1])
    return "overlays[0].in_frame"


@mutation
def overlay_after_the_video(data, sample):
    over = overlay(sample, "text")
    over.out_frame = outside(data, 1, over.out_frame)
    return "overlays[0].out_frame"


@mutation
def overlay_that_fades_too_long(data, sample):
    over = overlay(sample, "picture")
    over.fade_frames = outside(data, 0, over.out_frame // 2)
    return "overlays[0].fade_frames"


@mutation
def text_of_no_length(data, sample):
    overlay(sample, "text").text.text = data.draw(st.sampled_from(["", "é" * 501]))
    return "overlays[0].text.text"


@mutation
def text_out_of_range(data, sample):
    card = overlay(sample, "text").text
    name = data.draw(
        st.sampled_from(["line_height", "centre.x", "centre.y", "rgb", "veil_rgb", "veil_opacity"])
    )
    if name == "line_height":
        card.line_height = outside(data, 655, 32_768)
    elif name.startswith("centre"):
        setattr(card.centre, name[-1], outside(data, 0, UNIT))
    elif name.endswith("rgb"):
        setattr(card, name, outside(data, 0, 0xFFFFFF, (0, 2**32 - 1)))
    else:
        card.veil_opacity = outside(data, 0, UNIT)
    return f"overlays[0].text.{name}"


@mutation
def mark_not_named(data, sample):
    overlay(sample, "picture").picture.media_asset_id = ""
    return "overlays[0].picture.media_asset_id"


@mutation
def mark_without_checksum(data, sample):
    mark = overlay(sample, "picture").picture
    # Of an asset that nothing else shows: no other checksum to differ from.
    mark.media_asset_id, mark.media_sha256 = "other", data.draw(NO_SHA256)
    return "overlays[0].picture.media_sha256"


@mutation
def mark_of_another_project(data, sample):
    asset_id = data.draw(st.sampled_from(["other", "clip", "song"]))
    overlay(sample, "picture").picture.media_asset_id = asset_id
    return "overlays[0].picture.media_asset_id"


@mutation
def mark_of_other_bytes(data, sample):
    overlay(sample, "picture").picture.media_sha256 = "0" * 64
    return "overlays[0].picture.media_sha256"


@mutation
def mark_outside(data, sample):
    break_rectangle(data, overlay(sample, "picture").picture.place)
    return "overlays[0].picture.place"


@mutation
def mark_of_nothing(data, sample):
    overlay(sample, "picture").picture.opacity = outside(data, 1, UNIT)
    return "overlays[0].picture.opacity"
