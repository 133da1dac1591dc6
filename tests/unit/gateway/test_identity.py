"""What is decided about callers without asking anybody."""

from __future__ import annotations

import asyncio

import pytest

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1 import asset_service_pb2, failure_pb2, job_service_pb2, tenant_pb2
from beatstitch.v1 import project_service_pb2 as projects
from beatstitch.v1 import tenant_service_pb2 as service
from beatstitch.v1.tenant_pb2 import Quotas, RetentionPolicy, Tenant
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.auth import Caller
from beatstitch_gateway.db.audit import first_id, time_us_of
from beatstitch_gateway.idempotency import slot_of
from beatstitch_gateway.identity.claims import caller_of
from beatstitch_gateway.identity.events import address, outcome, resource
from beatstitch_gateway.identity.rules import READ, need, rule_of
from beatstitch_gateway.keys import ApiKey
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.tenants.settings import CHANGEABLE, changed

PROJECT = "01920000-0000-7000-8000-000000000001"
NAMES = {"tenant_claim": "tenant", "role_claim": "role", "projects_claim": "project_ids"}


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:10.0.0.7:51234", "10.0.0.7"),
        ("ipv4:10.0.0.7", "10.0.0.7"),
        ("ipv6:%5B::1%5D:51234", "::1"),
        ("ipv6:[2001:db8::7]:1", "2001:db8::7"),
        ("unix:", "unix"),
        ("", ""),
    ],
)
def test_an_address_without_its_port(peer: str, expected: str):
    assert address(peer) == expected


def test_what_a_call_was_about():
    made = projects.CreateProjectResponse(project={"id": PROJECT})
    assert resource(projects.CreateProjectRequest(), made) == f"project/{PROJECT}"
    asked = projects.UpdateProjectRequest(project={"id": PROJECT})
    assert resource(asked, None) == f"project/{PROJECT}"
    upload = asset_service_pb2.CreateUploadRequest(project_id=PROJECT)
    assert resource(upload, None) == f"project/{PROJECT}"
    declared = asset_service_pb2.CreateUploadResponse(asset={"id": "a"})
    assert resource(upload, declared) == "asset/a"
    assert resource(job_service_pb2.CancelJobRequest(job_id="j" * 99), None) == f"job/{'j' * 64}"
    key = service.CreateApiKeyResponse(api_key={"id": "k"})
    assert resource(service.CreateApiKeyRequest(tenant_id="t"), key) == "api_key/k"
    assert resource(admin.UpdateTenantRequest(tenant={"id": "t"}), None) == "tenant/t"
    # A request's own id is no thing.
    assert not resource(projects.CreateProjectRequest(request_id="r"), None)
    assert not resource(iter(()), None)


def test_what_a_call_ended_with():
    context = None
    error = BeatStitchError(failure_pb2.ERROR_REASON_JOB_NOT_FOUND, "no")
    assert outcome(None, context) == ("OK", "")
    assert outcome(error, context) == ("NOT_FOUND", "JOB_NOT_FOUND")
    assert outcome(asyncio.CancelledError(), context) == ("CANCELLED", "")
    assert outcome(ZeroDivisionError(), context) == ("INTERNAL", "INTERNAL")


def test_what_has_no_rule_is_for_operators():
    rule = rule_of("/beatstitch.v1.NewService/New")
    assert rule.role == tenant_pb2.ROLE_OPERATOR
    with pytest.raises(BeatStitchError):
        need(Caller("t", "key:1", tenant_pb2.ROLE_OWNER), "/beatstitch.v1.NewService/New", rule)
    with pytest.raises(BeatStitchError):  # a role that is none
        need(Caller("t", "key:1", tenant_pb2.ROLE_UNSPECIFIED), "/x", READ)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bsk",
        "bsk__",
        f"bsk_{'0' * 16}_{'0' * 63}",
        f"bsk_{'0' * 16}_{'G' * 64}",
        f"bsk_{'0' * 16}_{'0' * 64}\n",
        f"bsk_\0{'0' * 15}_{'0' * 64}",
        f"x_{'0' * 16}_{'0' * 64}",
    ],
)
def test_what_is_no_key_is_not_looked_up(text: str):
    assert ApiKey.parse(text) is None


def test_a_key_is_read_as_it_was_written():
    key = ApiKey.generate()
    assert ApiKey.parse(key.text) == key
    assert key.secret not in repr(key)


def test_claims_that_are_deep_or_have_dots():
    claims = {
        "sub": "ada",
        "https://beatstitch.example/tenant": "acme",
        "realm_access": {"roles": ["offline", "viewer", "OWNER"]},
    }
    caller = caller_of(
        claims,
        tenant_claim="https://beatstitch.example/tenant",
        role_claim="realm_access.roles",
        projects_claim="",
    )
    assert caller == Caller("acme", "jwt:ada", tenant_pb2.ROLE_OWNER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": None},
        {"tenant": "No Tenant"},
        {"role": "operator"},
        {"role": ["root"]},
        {"role": 3},
        {"sub": "x" * 129},
        {"project_ids": []},
        {"project_ids": ["not-an-id"]},
        {"project_ids": [PROJECT, None]},
        {"project_ids": {PROJECT: True}},
    ],
)
def test_claims_that_say_too_little(wrong: dict):
    claims = {"sub": "ada", "tenant": "acme", "role": "viewer", "project_ids": [PROJECT]}
    assert caller_of(claims, **NAMES).project_ids == {PROJECT}
    with pytest.raises(BeatStitchError) as caught:
        caller_of({**claims, **wrong}, **NAMES)
    assert caught.value.reason == failure_pb2.ERROR_REASON_UNAUTHENTICATED


def test_ids_of_events_are_their_times():
    moment = 1_700_000_000_123_000
    assert time_us_of(first_id(moment)) == moment
    assert first_id(moment + 1) == first_id(moment + 1000)  # what came later than this
    assert first_id(-1) == first_id(0) < first_id(moment) < first_id(2**80)


def test_request_ids_of_keys_for_projects_are_apart():
    assert slot_of("r", frozenset()) == "r"
    assert slot_of("", frozenset({PROJECT})) == ""
    one, two = slot_of("r", frozenset({PROJECT})), slot_of("r", frozenset({PROJECT, "x"}))
    assert len({"r", one, two}) == 3


def test_a_change_takes_what_is_named():
    quotas = Quotas(max_assets=5, rate_limits=[{"category": 1, "per_minute": 2}])
    old = Tenant(id="a", display_name="A", suspended=True, quotas=quotas)
    given = Tenant(id="b", quotas=Quotas(max_open_jobs=3))
    assert changed(old, given, ["suspended"]) == Tenant(id="a", display_name="A", quotas=quotas)
    only = changed(old, given, ["quotas.max_open_jobs"]).quotas
    assert (only.max_assets, only.max_open_jobs) == (5, 3)
    assert changed(old, given, ["quotas"]).quotas == given.quotas
    assert not changed(old, given, ["quotas.rate_limits"]).quotas.rate_limits
    # What is not there is taken as the default, also where its whole message isn't there.
    assert changed(old, Tenant(), ["quotas.max_assets"]).quotas.max_assets == 0
    assert changed(old, given, []) == Tenant(id="a", quotas=given.quotas)
    kept = Tenant(id="a", retention=RetentionPolicy(finals={"seconds": 5}))
    assert not changed(kept, Tenant(), ["retention.finals"]).HasField("retention")
    assert "id" not in CHANGEABLE


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwt_algorithms": "RS256,HS256"},
        {"jwt_algorithms": "none"},
        {"jwt_algorithms": ""},
        {"jwt_jwks_url": "http://login.example/jwks"},
        {"jwt_jwks_url": "file:///etc/passwd"},
        {"jwt_jwks_url": "ftp://127.0.0.1/jwks"},
        {"jwt_issuer": ""},
        {"jwt_audience": ""},
    ],
)
def test_settings_that_would_believe_anybody(wrong: dict):
    good = {
        "database_url": "postgresql+asyncpg://u@h/n",
        "jwt_jwks_url": "https://login.example/jwks",
        "jwt_issuer": "https://login.example",
        "jwt_audience": "beatstitch",
    }
    GatewaySettings(**good)
    with pytest.raises(ValueError, match="jwt_"):
        GatewaySettings(**{**good, **wrong})
