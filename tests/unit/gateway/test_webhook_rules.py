"""What is told to whom, how it is signed and kept, when it is tried again; and resume tokens."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import job_pb2, webhook_pb2
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.webhook_pb2 import Webhook
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db.changes import Moment, Wanted
from beatstitch_gateway.jobs.places import Place, decode, need_known
from beatstitch_gateway.webhooks.events import body_of, end_of, wants
from beatstitch_gateway.webhooks.signing import signed_headers
from beatstitch_gateway.webhooks.tries import (
    GIVE_UP_AFTER,
    Answer,
    judge,
    parse_retry_after,
    pause_s,
)
from beatstitch_gateway.webhooks.vault import Vault

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY_S = 24 * 3600.0
MOMENTS = st.builds(
    lambda low, gaps: Moment(low, low + 1000, tuple(sorted(low + gap for gap in gaps))),
    st.integers(1, 2**50),
    st.sets(st.integers(0, 999), max_size=20),
)


def test_the_standards_own_example():
    """From the specification's test vectors."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_pauses_grow_and_end_after_three_days():
    at, tries, left = 0.0, 0, GIVE_UP_AFTER.total_seconds()
    while True:
        tries += 1
        verdict = judge(Answer(500, "HTTP 500"), tries, left - at)
        if verdict.pause_s is None:
            break
        at += verdict.pause_s
    assert verdict.state == webhook_pb2.WEBHOOK_DELIVERY_STATE_FAILED
    assert at == left
    assert 15 <= tries <= 30


@given(st.integers(1, 10_000))
def test_a_pause_is_never_absurd(attempts: int):
    assert 3 < pause_s(attempts) <= 6 * 3600 * 1.25


def test_what_the_receiver_says_counts():
    assert judge(Answer(204), 1, DAY_S).state == webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED
    assert judge(Answer(410, "gone"), 1, DAY_S).gone
    assert judge(Answer(503, "busy", 3600.0), 1, DAY_S).pause_s == 3600
    assert judge(Answer(503, "busy", 9e9), 1, 3 * DAY_S).pause_s == DAY_S
    assert judge(Answer(503, "busy", 9e9), 1, 5.0).pause_s == 5
    assert parse_retry_after("120", NOW) == 120
    assert parse_retry_after("Fri, 02 Jan 2026 03:05:05 GMT", NOW) == 60
    assert parse_retry_after("Fri, 02 Jan 2026 03:00:05 GMT", NOW) == 0
    assert parse_retry_after("soon", NOW) is None


@given(st.text(max_size=40))
def test_any_retry_after_is_read(text: str):
    pause = parse_retry_after(text, NOW)
    assert pause is None or pause >= 0


def test_who_is_told():
    job = Job(id=new_id(), project_id="p", type=7, state=job_pb2.JOB_STATE_SUCCEEDED)
    child = Job(id=new_id(), project_id="p", type=2, state=4, parent_job_id=job.id)
    assert wants(Webhook(), job)
    assert not wants(Webhook(disabled=True), job)
    assert not wants(Webhook(), child)
    assert wants(Webhook(types=[2]), child)
    assert not wants(Webhook(types=[2]), job)
    assert wants(Webhook(states=[3], project_id="p"), job)
    assert not wants(Webhook(states=[4, 5]), job)
    assert not wants(Webhook(project_id="q"), job)
    assert end_of(job).id == end_of(job).id
    assert end_of(job).type == "job.succeeded"
    assert b'"projectId":"p"' in body_of(end_of(job))


def test_secrets_at_rest():
    first, second = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    plain, old, new = Vault(""), Vault(first), Vault(f"{second}, {first}")
    secret, name = b"s" * 32, new_id()
    sealed = old.seal(secret, name)
    assert secret not in sealed
    assert sealed != old.seal(secret, name)
    assert new.open(sealed, name) == secret
    assert new.open(plain.seal(secret, name), name) == secret
    for vault, which in ((plain, name), (Vault(second), name), (new, new_id())):
        with pytest.raises(ValueError, match="secret"):
            vault.open(sealed, which)
    with pytest.raises(ValueError, match="32 bytes"):
        Vault("c2hvcnQ=")


@given(st.none() | MOMENTS, MOMENTS, st.integers(0, 2**60), st.sampled_from(["", new_id()]))
def test_tokens_come_back_as_they_were(since: Moment | None, until: Moment, xid: int, job_id: str):
    wanted = Wanted("t", types=(1, 2), job_ids=(new_id(),))
    place = Place(since, until, xid, job_id)
    token = place.encode(wanted)
    assert decode(token, wanted) == place
    with pytest.raises(BeatStitchError):
        decode(token, Wanted("other", types=(1, 2), job_ids=wanted.job_ids))


@given(
    st.text(max_size=80) | st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode())
)
def test_any_other_token_is_refused(token: str):
    if token:
        with pytest.raises(BeatStitchError) as caught:
            decode(token, Wanted("t"))
        assert [v.field for v in caught.value.violations] == ["resume_token"]


def test_a_token_of_another_databases_time():
    need_known(Place(Moment(5, 9), None), Moment(9, 9))
    with pytest.raises(BeatStitchError, match="begin anew"):
        need_known(Place(Moment(5, 10), None), Moment(9, 9))


@given(MOMENTS)
def test_moments_are_written_as_postgresql_does(moment: Moment):
    assert Moment.parse(str(moment)) == moment
    assert not moment.shows(moment.high)
    assert moment.shows(moment.low - 1)
    assert not any(moment.shows(xid) for xid in moment.running)


@pytest.mark.parametrize("text", ["", "5:4:", "0:1:", "1:5:7", "1:5:0", "5:9:6,", "a:b:", "1:2"])
def test_what_is_no_moment(text: str):
    assert Moment.parse(text) is None
