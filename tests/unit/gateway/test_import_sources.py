"""From where objects may be imported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.uploads.sources import Address, need_allowed, parse_uri, sources_of

SOURCES = sources_of("s3://stock/music/, s3://drop/of/{tenant}")


def allowed(uri: str, tenant: str = "me") -> bool:
    try:
        need_allowed(SOURCES, parse_uri(uri), tenant, own_bucket="beatstitch")
    except BeatStitchError:
        return False
    return True


def test_folders():
    assert allowed("s3://stock/music/a/b c.mp3")
    assert allowed("s3://drop/of/me/a.jpg")
    assert not allowed("s3://drop/of/you/a.jpg")
    assert not allowed("s3://drop/of/me-too/a.jpg")
    assert not allowed("s3://drop/of/me")
    assert not allowed("s3://stock/musical/a.mp3")
    assert not allowed("s3://stocks/music/a.mp3")


SEGMENTS = st.sampled_from(["music", "of", "me", "you", "..", ".", "", "%2e%2e", "\\", "..;", "a"])


@given(st.lists(SEGMENTS, max_size=6))
def test_whatever_the_key_nothing_outside_of_the_folders(segments):
    for bucket, inside in (("stock", "music/"), ("drop", "of/me/")):
        key = "/".join(segments)
        if allowed(f"s3://{bucket}/{key}"):
            assert key.startswith(inside)
            assert not {"", ".", ".."} & set(key.split("/"))


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_wrong(text):
    for uri in (text, f"s3://{text}", f"s3://stock/{text}"):
        try:
            address = parse_uri(uri)
        except BeatStitchError:
            continue
        assert uri == f"s3://{address.bucket}/{address.key}"


def test_nobody_reads_tenants_objects_in_our_own_bucket():
    everything = sources_of("s3://beatstitch")
    with pytest.raises(BeatStitchError):
        need_allowed(everything, Address("beatstitch", "t/x/in/a"), "x", own_bucket="beatstitch")
    need_allowed(everything, Address("beatstitch", "drop/a"), "x", own_bucket="beatstitch")


@pytest.mark.parametrize("text", ["stock/music", "s3://", "s3://UPPER/x", "s3://stock/../x"])
def test_settings_that_make_no_sense(text):
    with pytest.raises(ValueError, match="import_sources"):
        sources_of(text)
    assert not sources_of(" , ")
