"""Secrets at rest: encrypted where the gateway has a key, else as they are.

They have to be read back to sign with, so they can't be hashed as API keys are. AES-256-GCM, bound
to the webhook's id: a row copied over another's opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_PLAIN = b"\x00"
_SEALED = b"\x01"
_NAME_BYTES = 4
_NONCE_BYTES = 12


class Vault:
    """Seals and opens secrets.

    Args:
        keys: Base64 keys of 32 bytes, separated by commas: the first seals, all of them open. Empty
            for no encryption.

    Raises:
        ValueError: A key is none.
    """

    def __init__(self, keys: str) -> None:
        self._keys = {_name(key): AESGCM(key) for key in map(_key, _items(keys))}

    def seal(self, secret: bytes, webhook_id: str) -> bytes:
        """What is stored of a secret."""
        for name, key in self._keys.items():
            nonce = os.urandom(_NONCE_BYTES)
            return _SEALED + name + nonce + key.encrypt(nonce, secret, webhook_id.encode())
        return _PLAIN + secret

    def open(self, stored: bytes, webhook_id: str) -> bytes:
        """The secret.

        Raises:
            ValueError: The key that sealed it isn't here any more, or it is not this webhook's.
        """
        kind, rest = stored[:1], stored[1:]
        if kind == _PLAIN:
            return rest
        key = self._keys.get(rest[:_NAME_BYTES])
        if kind != _SEALED or key is None:
            raise ValueError("the webhook's secret was sealed with a key that isn't known here")
        nonce = rest[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES]
        try:
            return key.decrypt(nonce, rest[_NAME_BYTES + _NONCE_BYTES :], webhook_id.encode())
        except InvalidTag:
            raise ValueError("the webhook's secret is damaged, or another webhook's") from None


def _items(keys: str) -> list[str]:
    return [item.strip() for item in keys.split(",") if item.strip()]


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"webhook_keys has to be base64 of {KEY_BYTES} bytes each")
    return key


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"webhook key" + key).digest()[:_NAME_BYTES]
