"""API keys: `bsk_<id>_<secret>`. The id is looked up, the secret is compared with its hash.

The secret has 256 random bits, so one round of SHA-256 is all that its hash needs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "bsk"
_ID_BYTES = 8
_SECRET_BYTES = 32
# What isn't of this form is never looked up.
_TEXT = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_([0-9a-f]{{{2 * _SECRET_BYTES}}})")
_ID = re.compile(rf"[0-9a-f]{{{2 * _ID_BYTES}}}")


def is_key_id(text: str) -> bool:
    """Whether a key can have this id."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, repr=False)
class ApiKey:
    """A key as its owner has it. Its repr stays silent about the secret.

    Attributes:
        key_id: What it is looked up by.
        secret: What proves it.
    """

    key_id: str
    secret: str

    @classmethod
    def generate(cls) -> ApiKey:
        """A new key."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> ApiKey | None:
        """The key that a caller sent, or None when it can't be one."""
        found = _TEXT.fullmatch(text)
        return cls(found[1], found[2]) if found is not None else None

    @property
    def text(self) -> str:
        """As it is handed out, once."""
        return f"{PREFIX}_{self.key_id}_{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        """What the database keeps."""
        return hashlib.sha256(self.secret.encode()).digest()

    def proves(self, secret_sha256: bytes) -> bool:
        """Whether the secret is the one with this hash; takes the same time either way."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)
