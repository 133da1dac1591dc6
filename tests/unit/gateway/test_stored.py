"""Bytes by tenant and kind, however many tenants there are."""

from __future__ import annotations

from collections import Counter

from beatstitch_core.keys import artefact_key, input_key, tenant_prefix
from beatstitch_gateway.seeing.stored import KINDS, OTHERS, cut_off, sums


def test_keys_are_summed_by_tenant_and_kind():
    found: Counter[tuple[str, str]] = Counter()
    a, b = tenant_prefix("a"), tenant_prefix("b")
    sums(
        [
            (input_key(a, "1"), 5),
            (input_key(a, "2"), 6),
            (artefact_key(a, "chunk", "ab" * 32), 7),
            (artefact_key(b, "chunk", "ab" * 32), 8),
            (artefact_key(b, "a-kind-of-tomorrow", "ab" * 32), 9),
            ("elsewhere/x", 100),
            ("t/", 100),
            ("t//in/x", 100),
        ],
        found,
    )
    assert found == {
        ("a", "in"): 11,
        ("a", "chunk"): 7,
        ("b", "chunk"): 8,
        ("b", "other"): 9,
    }


def test_the_largest_tenants_are_named_and_nothing_is_lost():
    found = Counter({(f"t{n}", kind): n for n in range(1, 201) for kind in ("in", "chunk")})
    kept = cut_off(found, 100)
    assert kept.total() == found.total()
    tenants = {tenant for tenant, _ in kept}
    assert tenants == {OTHERS, *(f"t{n}" for n in range(101, 201))}
    assert kept[OTHERS, "in"] == sum(range(1, 101))


def test_kinds_are_those_that_are_written():
    assert {"in", "grid", "chunk", "out", "proof", "edl", "thumb", "strip", "proxy"} <= KINDS
