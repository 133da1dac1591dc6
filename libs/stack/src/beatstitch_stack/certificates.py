"""A certificate authority of one's own, kept in a folder: who is who on every hop."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

LIFETIME = timedelta(days=365)
# A clock that is a little behind must not make a new certificate invalid.
SLACK = timedelta(hours=1)


class Certificate(NamedTuple):
    """The files of one party, all PEM."""

    ca: Path
    cert: Path
    key: Path


class Authority:
    """Issues certificates for servers and clients alike; made at first use, kept in its folder."""

    def __init__(self, folder: Path) -> None:
        """Open the authority of `folder`, or make one."""
        self._folder = folder
        self.ca = folder / "ca.pem"
        key_file = folder / "ca.key"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.ca.exists():
            self._cert = x509.load_pem_x509_certificate(self.ca.read_bytes())
            loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
            assert isinstance(loaded, ec.EllipticCurvePrivateKey)  # noqa: S101 - made below
            self._key = loaded
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _name("BeatStitch of this machine")
        self._cert = (
            _builder(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        _write(key_file, _key_pem(self._key))
        _write(self.ca, self._cert.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *others: str, file: str = "") -> Certificate:
        """A new certificate, over what was there under the same file name.

        Args:
            name: Its common name and first alternative name.
            others: Further names or IP addresses.
            file: How its files are called; the name when empty.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        cert = (
            _builder(_name(name), self._cert.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(issuer, critical=False)
            .add_extension(_names((name, *others)), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = self._folder / (file or name)
        made = Certificate(self.ca, stem.with_suffix(".pem"), stem.with_suffix(".key"))
        _write(made.key, _key_pem(key))
        _write(made.cert, cert.public_bytes(serialization.Encoding.PEM))
        return made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        with suppress(ValueError):
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
            continue
        found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    # Another file in its place, as Kubernetes does it: who reads sees the old one or the new one.
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
