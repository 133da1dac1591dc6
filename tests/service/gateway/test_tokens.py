"""JSON Web Tokens: an issuer on the loopback, a gateway that believes it, and what it doesn't."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import RSAAlgorithm
from support.issuer import AUDIENCE, ISSUER, Issuer

from beatstitch.v1 import tenant_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.identity.jwks import Jwks


def signed_with_secret(token: str, secret: bytes) -> str:
    """The token as if the public key were a secret that both share: the oldest of all tricks."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
    text = f"{plain(json.dumps(header).encode())}.{token.split('.')[1]}"
    return f"{text}.{plain(hmac.digest(secret, text.encode(), 'sha256'))}"


def plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.fixture
def issuer(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    issuer = Issuer()
    issuer.new_key("one")
    yield issuer
    issuer.close()


async def test_tokens_of_the_issuer_and_no_others(open_house, issuer):
    settings = {
        "jwt_jwks_url": issuer.url,
        "jwt_issuer": ISSUER,
        "jwt_audience": AUDIENCE,
        "jwks_retry_s": 0.0,
        "key_cache_s": 0.2,
    }
    async with open_house(**settings) as house:
        acme = await house.new_tenant("acme")
        project_id = (await acme.CreateProject(display_name="x")).project.id
        caller = await house.with_key(issuer.token()).GetCaller()
        assert (caller.tenant.id, caller.principal) == ("acme", "jwt:ada")
        assert caller.role == tenant_pb2.ROLE_EDITOR
        nested = issuer.token(role=["none", "owner", "viewer"], project_ids=[project_id])
        caller = await house.with_key(nested).GetCaller()
        assert (caller.role, list(caller.project_ids)) == (tenant_pb2.ROLE_OWNER, [project_id])
        issuer.new_key("rsa", curve=False)
        await house.with_key(issuer.token("rsa")).GetCaller()
        await house.with_key(issuer.token(exp=time.time() - 5)).GetCaller()  # within the leeway

        stranger = ec.generate_private_key(ec.SECP256R1())
        public = RSAAlgorithm.to_jwk(issuer.keys["rsa"].public_key()).encode()
        unsigned = issuer.token().split(".")
        nothing = plain(b'{"alg":"none","typ":"JWT"}')
        for token in (
            issuer.token(iss="https://other.example"),
            issuer.token(aud="other"),
            issuer.token(exp=time.time() - 60),
            issuer.token(exp=None),
            issuer.token(nbf=time.time() + 60),
            issuer.token(sub=None),
            issuer.token(sub=""),
            issuer.token(sub="a\nb"),
            issuer.token(tenant="unknown"),
            issuer.token(tenant=None),
            issuer.token(tenant=["acme"]),
            issuer.token(role=None),
            issuer.token(role="operator"),  # no token makes one
            issuer.token(role={"editor": True}),
            issuer.token(project_ids=[]),
            issuer.token(project_ids="all"),
            issuer.token(project_ids=[project_id, {}]),
            issuer.token(key=stranger),
            signed_with_secret(issuer.token("rsa"), public),
            issuer.token(headers={"typ": "secevent+jwt"}),
            issuer.token("rsa", headers={"kid": "one"}),  # a key of another kind
            f"{nothing}.{unsigned[1]}.",
            f"{unsigned[0]}.{unsigned[1]}.",
            "..",
            "a.b.c",
            "e30.e30.e30",
            f"{'a' * 6_000}.b.c",  # gRPC itself refuses, by chance, above 8 KiB
        ):
            client = house.with_key(token)
            await house.client.refused(client.ListProjects(), "UNAUTHENTICATED")

        good = house.with_key(issuer.token())
        await good.ListProjects()
        suspend = {"tenant": {"id": "acme", "suspended": True}}
        await house.client.UpdateTenant(**suspend, update_mask={"paths": ["suspended"]})
        await house.client.refused(good.ListProjects(), "TENANT_SUSPENDED")


async def test_keys_come_and_go_and_survive_an_outage(issuer):
    jwks = Jwks(issuer.url, refresh_s=60.0, retry_s=60.0, stale_s=3600.0)
    assert await jwks.key("one")
    assert await jwks.key("")  # the only one
    issuer.new_key("two")
    assert not await jwks.key("two")  # asked for too soon after the last time
    assert issuer.fetches == 1

    eager = Jwks(issuer.url, refresh_s=60.0, retry_s=0.0, stale_s=3600.0)
    assert await eager.key("two")
    assert not await eager.key("")
    issuer.new_key("three")
    assert await eager.key("three")
    issuer.away = True
    assert not await eager.key("four")
    assert await eager.key("three")

    forgetful = Jwks(issuer.url, refresh_s=0.0, retry_s=0.0, stale_s=0.0)
    with pytest.raises(BeatStitchError) as caught:
        await forgetful.key("one")
    assert caught.value.metadata["dependency"] == "jwks"
    issuer.away = False
    withdrawing = Jwks(issuer.url, refresh_s=0.0, retry_s=0.0, stale_s=3600.0)
    assert await withdrawing.key("one")
    del issuer.keys["one"]
    assert not await withdrawing.key("one")


async def test_what_is_no_key_for_signatures_is_left_out(issuer):
    entry = json.loads(issuer.document())["keys"][0]
    issuer.more = [
        {**entry, "kid": "enc", "use": "enc"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "new", "kid": "unknown"},
        {},
        [],
    ]
    jwks = Jwks(issuer.url, refresh_s=60.0, retry_s=60.0, stale_s=60.0)
    assert await jwks.key("one")
    for kid in ("enc", "secret", "unknown"):
        assert not await jwks.key(kid)
