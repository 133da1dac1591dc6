"""Whose tokens are believed, by the environment."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from beatstitch_gateway.identity.jwks import ASYMMETRIC
from beatstitch_runtime.settings import ServiceSettings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class TokenSettings(ServiceSettings):
    """JSON Web Tokens of one issuer, beside API keys.

    Attributes:
        jwt_jwks_url: Where the issuer's public keys are (JWK set), https://…; empty: tokens are
            not believed.
        jwt_issuer: What their iss has to be, to the letter.
        jwt_audience: What their aud has to name.
        jwt_algorithms: Signatures that are believed, separated by commas; asymmetric ones only.
        jwt_tenant_claim: The claim that names the tenant; dots lead into objects.
        jwt_role_claim: The claim that names the role (viewer, editor, owner), or a list with it.
        jwt_projects_claim: The claim that lists the only projects; a token without it sees all.
        jwt_leeway_s: How far the issuer's clock may be off.
        jwks_refresh_s: How often the keys are fetched, so that a withdrawn one is forgotten.
        jwks_retry_s: The shortest time between two fetches, also for unknown keys.
        jwks_stale_s: How long the keys are believed while they can't be fetched.
    """

    jwt_jwks_url: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_algorithms: str = "RS256,PS256,ES256,EdDSA"
    jwt_tenant_claim: str = "tenant"
    jwt_role_claim: str = "role"
    jwt_projects_claim: str = "project_ids"
    jwt_leeway_s: float = Field(default=30.0, ge=0, le=300)
    jwks_refresh_s: float = Field(default=600.0, gt=0)
    jwks_retry_s: float = Field(default=10.0, ge=0)
    jwks_stale_s: float = Field(default=24 * 3600.0, gt=0)

    @property
    def jwt_algorithm_names(self) -> frozenset[str]:
        """`jwt_algorithms`, apart."""
        return frozenset(name.strip() for name in self.jwt_algorithms.split(",") if name.strip())

    @model_validator(mode="after")
    def _tokens_are_safe(self) -> Self:
        if not self.jwt_jwks_url:
            return self
        if not self.jwt_issuer or not self.jwt_audience:
            raise ValueError("tokens need jwt_issuer and jwt_audience: whose, and for whom")
        names = self.jwt_algorithm_names
        if not names or not names <= ASYMMETRIC:
            raise ValueError(f"jwt_algorithms may name {', '.join(sorted(ASYMMETRIC))}")
        parts = urlsplit(self.jwt_jwks_url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("jwt_jwks_url has to be https")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("jwt_jwks_url has to be an address of https")
        return self
