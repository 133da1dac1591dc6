"""JSON Web Tokens (RFC 7519) of one issuer: checked, and remembered for a few seconds."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

import jwt

from beatstitch_gateway.auth import Caller, unauthenticated
from beatstitch_gateway.db import tenants
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.identity.claims import caller_of
from beatstitch_gateway.identity.jwks import Jwks
from beatstitch_gateway.settings import GatewaySettings

MAX_CACHED = 10_000
MAX_BYTES = 8 * 1024
# RFC 9068's and what others write; anything else was made for another purpose.
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    caller: Caller


class Tokens:
    """Who calls with which token.

    Args:
        settings: Issuer, audience, algorithms, names of claims.
        database: Where tenants are.
    """

    def __init__(self, settings: GatewaySettings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._algorithms = settings.jwt_algorithm_names
        self._jwks = Jwks(
            settings.jwt_jwks_url,
            settings.jwks_refresh_s,
            settings.jwks_retry_s,
            settings.jwks_stale_s,
        )
        self._known: dict[bytes, _Known] = {}

    async def caller_of(self, text: str) -> Caller:
        """Whose token this is.

        Raises:
            BeatStitchError: UNAUTHENTICATED; DEPENDENCY_DOWN.
        """
        if len(text) > MAX_BYTES:
            raise unauthenticated("the token is too large")
        # By hash: memory holds no tokens.
        name = hashlib.sha256(text.encode()).digest()
        known = self._known.get(name)
        if known is not None and known.until > time.monotonic():
            return known.caller
        begun = time.monotonic()
        claims = await self._check(text)
        caller = caller_of(
            claims,
            tenant_claim=self._settings.jwt_tenant_claim,
            role_claim=self._settings.jwt_role_claim,
            projects_claim=self._settings.jwt_projects_claim,
        )
        async with self._database.transaction() as tx:
            tenant = await tenants.find(tx, caller.tenant)
        if tenant is None:
            raise unauthenticated("the token's tenant is not known here")
        caller = replace(caller, suspended=tenant.suspended)
        left_s = float(claims["exp"]) + self._settings.jwt_leeway_s - time.time()
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[name] = _Known(begun + min(self._settings.key_cache_s, left_s), caller)
        return caller

    def forget(self) -> None:
        """Checks every token anew."""
        self._known.clear()

    async def _check(self, text: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(text)
            kid, kind = header.get("kid", ""), str(header.get("typ") or "").lower()
            if kind not in _TYPES or header.get("alg") not in self._algorithms:
                raise unauthenticated("the token is not valid")
            key = await self._jwks.key(kid if isinstance(kid, str) else "")
            if key is None:
                raise unauthenticated("the token's key is not known")
            settings = self._settings
            return jwt.decode(
                text,
                key,  # with its own algorithm, which has to be the header's
                algorithms=sorted(self._algorithms),
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer,
                leeway=settings.jwt_leeway_s,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.ExpiredSignatureError as error:
            raise unauthenticated("the token has expired") from error
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
            # What exactly is wrong helps nobody but who makes tokens up.
            raise unauthenticated("the token is not valid") from error
