"""Keys or tokens: which of the two came, and who knows it."""

from __future__ import annotations

from beatstitch_gateway.auth import Caller
from beatstitch_gateway.identity.keyring import KeyRing
from beatstitch_gateway.identity.tokens import Tokens


class Identities:
    """Knows who calls.

    Args:
        keys: API keys.
        tokens: Tokens of the settings' issuer; None where there is none.
    """

    def __init__(self, keys: KeyRing, tokens: Tokens | None) -> None:
        self._keys = keys
        self._tokens = tokens

    async def caller_of(self, text: str) -> Caller:
        """The caller with these credentials.

        Raises:
            BeatStitchError: UNAUTHENTICATED, DEPENDENCY_DOWN.
        """
        # A key has no dots, a token has two.
        if self._tokens is not None and text.count(".") == 2:
            return await self._tokens.caller_of(text)
        return await self._keys.caller_of(text)

    def forget(self, key_id: str = "") -> None:
        """Asks the database again for a key, or for all keys and tokens."""
        self._keys.forget(key_id)
        if self._tokens is not None and not key_id:
            self._tokens.forget()
