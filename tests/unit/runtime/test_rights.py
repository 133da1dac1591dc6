"""Who may do what: the tables against the names that the code uses."""

import fnmatch

import pytest
from pydantic import ValidationError

from beatstitch_runtime.jobs.subjects import LANES, QUEUED_TYPES, consumer_name, job_subject
from beatstitch_runtime.rights.nats import TAKES, nats_rights, nsc_commands
from beatstitch_runtime.rights.s3 import s3_policies
from beatstitch_runtime.settings import ServiceSettings

USERS = ("gateway", "analyzer", "timeline", "renderer", "operator")


def test_every_type_of_job_is_taken_by_one_service():
    taken = [job_type for types in TAKES.values() for job_type in types]
    assert sorted(taken) == sorted(QUEUED_TYPES)


def test_every_queue_is_filled_by_the_gateway_and_drained_by_its_own_service():
    rights = nats_rights()
    for user, types in TAKES.items():
        for job_type in QUEUED_TYPES:
            for lane in LANES:
                pull = f"$JS.API.CONSUMER.MSG.NEXT.JOBS.{consumer_name(job_type, lane)}"
                assert (pull in rights[user].publish) == (job_type in types)
                assert job_subject(job_type, lane) in rights["gateway"].publish


def test_nobody_may_end_a_stream_or_listen_to_everything():
    for user, rights in nats_rights().items():
        assert not [s for s in rights.publish if ".DELETE." in s and ".MSG.DELETE." not in s], user
        assert not [s for s in rights.publish if ".PURGE." in s], user
        assert [s for s in rights.subscribe if s.startswith("_INBOX")] == [f"_INBOX_{user}.>"]
        for subject in (*rights.publish, *rights.subscribe):
            assert subject.removeprefix(">") not in {"", "$JS.API.>", "beatstitch.>", "*"}


def test_nsc_is_told_all_of_it():
    text = nsc_commands("BEATSTITCH")
    for user, rights in nats_rights().items():
        assert f"--name {user} " in text
        assert all(repr(subject) in text for subject in (*rights.publish, *rights.subscribe))


@pytest.mark.parametrize("service", ["analyzer", "timeline", "renderer"])
def test_a_worker_writes_no_input_and_lists_nothing(service):
    policy = s3_policies("films")[service]
    inputs = "arn:aws:s3:::films/t/default/in/0192"
    for statement in policy["Statement"]:
        if statement["Action"] != ["s3:GetObject"]:
            assert not any(fnmatch.fnmatch(inputs, r) for r in statement["Resource"])
        assert "s3:ListBucket" not in statement["Action"]
    assert any(
        "s3:ListBucket" in s["Action"] for s in s3_policies("films", aws=True)[service]["Statement"]
    )


@pytest.mark.parametrize(
    "half",
    [
        {"grpc_tls_cert": "a.pem"},
        {"grpc_tls_key": "a.key"},
        {"nats_tls_cert": "a.pem"},
        {"grpc_tls_client_ca": "ca.pem"},
        {"grpc_tls_cert": "a.pem", "grpc_tls_key": "a.key", "grpc_tls_client_names": "gateway"},
        {"nats_inbox_prefix": "_INBOX.>"},
    ],
    ids="+".join,
)
def test_half_of_a_certificate_is_an_error_at_the_start(half):
    """Left unused, the port would be open in clear."""
    with pytest.raises(ValidationError):
        ServiceSettings(**half)
