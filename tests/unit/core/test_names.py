import time

import pytest

from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_core import canonical, ids, keys, limits, profiles


def test_ids_are_uuid7_and_sort_by_time():
    first = ids.new_id()
    time.sleep(0.002)
    second = ids.new_id()
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"
    assert ids.is_id(first)


@pytest.mark.parametrize(
    "text", ["", "x", "0192", "018F3C2E-7B1A-7CCC-8000-000000000000", "' or 1=1"]
)
def test_other_text_is_no_id(text):
    assert not ids.is_id(text)


def test_keys_stand_under_their_tenant():
    prefix = keys.tenant_prefix("acme")
    assert keys.input_key(prefix, "asset") == "t/acme/in/asset"
    assert keys.artefact_key(prefix, "chunk", "abcd", ".h264") == "t/acme/chunk/ab/abcd.h264"


def test_canonical_json_sorts_keys_and_leaves_defaults_out():
    assert (
        canonical.canonical_json(Limits(max_fps=120, max_beats_per_cut=64, max_image_bytes=5))
        == b'{"max_beats_per_cut":64,"max_fps":120,"max_image_bytes":"5"}'
    )


def test_canonical_json_reads_back():
    message = limits.default_limits()
    assert canonical.parse_json(canonical.canonical_json(message), Limits()) == message


def test_previews_are_small_and_finals_are_whole():
    known = profiles.render_profiles()
    assert known["preview"].max_height == 360
    assert known["final"].max_height == 0
