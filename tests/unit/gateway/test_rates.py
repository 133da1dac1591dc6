"""Token buckets, and which calls take from which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import (
    admin_service_pb2,
    analysis_service_pb2,
    asset_service_pb2,
    info_service_pb2,
    job_service_pb2,
    project_service_pb2,
    render_service_pb2,
    stitch_service_pb2,
    template_service_pb2,
    tenant_service_pb2,
    timeline_service_pb2,
    webhook_service_pb2,
)
from beatstitch.v1.stitch_service_pb2 import BatchStitchRequest, StitchRequest
from beatstitch.v1.tenant_pb2 import Quotas, RateLimit
from beatstitch_gateway.identity.rules import RULES
from beatstitch_gateway.quotas.bucket import Bucket
from beatstitch_gateway.quotas.categories import CATEGORIES, JOB, READ, cost_of
from beatstitch_gateway.quotas.limits import laid_over, rate_of

ALL = (
    admin_service_pb2,
    analysis_service_pb2,
    asset_service_pb2,
    info_service_pb2,
    job_service_pb2,
    project_service_pb2,
    render_service_pb2,
    stitch_service_pb2,
    template_service_pb2,
    tenant_service_pb2,
    timeline_service_pb2,
    webhook_service_pb2,
)


def test_every_rpc_has_a_category_and_no_row_is_left_over():
    methods = {
        f"/{service.full_name}/{method.name}"
        for module in ALL
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert methods == set(CATEGORIES)
    # As in the table of roles, but for what is open to everybody.
    assert set(RULES) == {name for name in CATEGORIES if "InfoService" not in name}


def test_a_batch_counts_as_many_as_it_has_items():
    assert cost_of(BatchStitchRequest(items=[StitchRequest()] * 7)) == 7
    assert cost_of(BatchStitchRequest()) == 1
    assert cost_of(StitchRequest()) == 1


def test_a_burst_then_the_rate():
    bucket = Bucket(3.0, 0.0)
    assert [bucket.take(0.0, 1, 2.0, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(0.4, 1, 2.0, 3) == pytest.approx(0.1)
    assert bucket.take(0.5, 1, 2.0, 3) == 0
    assert bucket.take(0.5, 1, 2.0, 3) == pytest.approx(0.5)
    # However long nobody comes, no more than the burst is saved up.
    assert [bucket.take(1000.0, 1, 2.0, 3) > 0 for _ in range(4)] == [False, False, False, True]


def test_a_batch_larger_than_the_bucket_needs_a_full_one_and_leaves_a_debt():
    bucket = Bucket(10.0, 0.0)
    assert bucket.take(0.0, 25, 1.0, 10) == 0
    assert bucket.take(0.0, 1, 1.0, 10) == pytest.approx(16.0)
    assert bucket.take(0.0, 25, 1.0, 10) == pytest.approx(25.0)
    assert bucket.take(16.0, 1, 1.0, 10) == 0


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 30)), max_size=60),
    st.floats(0.1, 50),
    st.integers(1, 20),
)
def test_never_faster_than_allowed_and_the_wait_is_exact(calls, per_s, burst):
    bucket, now, taken = Bucket(float(burst), 0.0), 0.0, 0
    for pause, cost in calls:
        now += pause
        wait = bucket.take(now, cost, per_s, burst)
        if wait:
            # Not a moment earlier, and no later (but for the last bit of a float).
            early = Bucket(bucket.tokens, bucket.at)
            assert early.take(now + wait * 0.99, cost, per_s, burst) > 0
            late = Bucket(bucket.tokens, bucket.at)
            assert late.take(now + wait + 1e-6, cost, per_s, burst) == 0
        else:
            taken += cost
            # A batch may overdraw by what it is larger than the bucket, and by no more.
            assert taken <= burst + per_s * now + max(0, cost - burst) + 1e-6


def test_own_limits_are_laid_over_the_defaults():
    given_ = Quotas(
        max_assets=10,
        max_open_jobs=5,
        rate_limits=[RateLimit(category=READ, per_minute=100, burst=25)],
    )
    own = Quotas(
        max_assets=-1,
        rate_limits=[RateLimit(category=READ, per_minute=0), RateLimit(category=JOB, per_minute=8)],
    )
    found = laid_over(own, given_)
    assert (found.max_assets, found.max_open_jobs) == (-1, 5)
    assert rate_of(found, READ) is None
    assert rate_of(found, JOB) == RateLimit(category=JOB, per_minute=8, burst=2)
    assert rate_of(laid_over(Quotas(), given_), READ).burst == 25
