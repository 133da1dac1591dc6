"""Previews are planned with proxies, finals never; what is named is what is used."""

from __future__ import annotations

import hashlib

import pytest

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.profiles import render_profiles
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_renderer.planning.proxies import proxy_keys, stand_ins

PROFILES = render_profiles()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def medium(name: str, proxy: str = "", asset: str = "") -> ReadyMedia:
    item = ReadyMedia(asset_id=asset or name, filename=f"{name}.mp4")
    item.object.CopyFrom(ObjectRef(key=f"in/{name}", sha256=sha(name), size_bytes=100))
    item.info.width, item.info.height, item.info.rotation_degrees = 1080, 1920, 90
    if proxy:
        item.proxy.CopyFrom(ObjectRef(key=f"proxy/{proxy}", sha256=sha(proxy), size_bytes=10))
    return item


@pytest.fixture
def edl(shot, make_edl):
    shots = [shot(f"m{i % 4}", 150, fade=20 if i % 3 else 0) for i in range(16)]
    return make_edl([*shots, shot("still", 90, still=True)])


@pytest.fixture
def media():
    clips = [medium("m0", "p0"), medium("m1"), medium("m2", "p2"), medium("m3", "p3")]
    return [*clips, medium("still")]


def shown(plan) -> set[str]:
    return {s.media_sha256 for chunk in plan.chunks for s in chunk.content.segments}


def test_a_preview_names_the_proxies_that_are_stored_and_a_final_none(edl, media):
    assert proxy_keys(PROFILES["preview"], media) == {"proxy/p0", "proxy/p2", "proxy/p3"}
    assert proxy_keys(PROFILES["final"], media) == set()
    chosen = stand_ins(media, {"proxy/p0", "proxy/p3"})
    plan = plan_render(edl, PROFILES["preview"], "f", stand_ins=chosen)
    assert shown(plan) == {sha(name) for name in ("p0", "m1", "m2", "p3", "still")}
    assert stand_ins(media, set()) == {}


def test_pieces_of_proxies_and_of_originals_never_mix(edl, media):
    preview = PROFILES["preview"]
    plain = plan_render(edl, preview, "f")
    some = plan_render(edl, preview, "f", stand_ins=stand_ins(media, {"proxy/p0"}))
    for one, other in zip(plain.chunks, some.chunks, strict=True):
        assert (one.start_frame, one.end_frame) == (other.start_frame, other.end_frame)
        uses = sha("p0") in {s.media_sha256 for s in other.content.segments}
        assert (one.chunk_hash != other.chunk_hash) == uses
    assert plain.output_hash != some.output_hash
    assert plain.edl_hash == some.edl_hash
    # Another proxy of the same clip makes other pieces too.
    newer = [medium("m0", "newer p0"), *media[1:]]
    again = plan_render(edl, preview, "f", stand_ins=stand_ins(newer, {"proxy/newer p0"}))
    assert again.output_hash not in {plain.output_hash, some.output_hash}


def test_which_proxy_is_used_does_not_depend_on_the_order_of_the_assets(media):
    twins = [medium("m0", "p9", "b"), medium("m0", "", "c"), *media]
    stored = {"proxy/p0", "proxy/p9"}
    assert stand_ins(twins, stored) == stand_ins(twins[::-1], stored)
    # One that is gone is no choice.
    assert stand_ins(twins, {"proxy/p9"})[sha("m0")].object.sha256 == sha("p9")


def test_a_stand_in_names_the_asset_and_tells_nothing_of_the_original(media):
    item = stand_ins(media, {"proxy/p0"})[sha("m0")]
    assert (item.asset_id, item.filename) == ("m0", "m0.mp4")
    assert item.object == media[0].proxy
    assert not item.HasField("info")
    assert not item.HasField("proxy")
