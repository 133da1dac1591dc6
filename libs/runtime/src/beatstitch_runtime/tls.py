"""Certificates: whom we show ourselves as, whom we believe, and what happens when files change.

A secret's files are replaced while a service runs (Kubernetes and cert-manager do so long before
the old certificate ends). Each handshake looks whether they were; a pair that doesn't fit together,
as in the middle of a replacement, is left alone until it does.
"""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from beatstitch_runtime.settings import ServiceSettings

log = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of one side of a connection.

    Attributes:
        ca: Certificates of the authorities to believe; None for the system's own list.
        cert: Our certificate, and those between it and its authority; None to show none.
        key: Its private key.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is said at all."""
        return any((self.ca, self.cert, self.key))

    def stamp(self) -> Stamp:
        """Differs once one of the files was replaced.

        Raises:
            OSError: A file is missing.
        """
        stats = [path.stat() for path in (self.ca, self.cert, self.key) if path is not None]
        return tuple((found.st_ino, found.st_mtime_ns, found.st_size) for found in stats)

    def check(self) -> None:
        """Read everything once.

        Raises:
            OSError: A file is missing, no PEM, or the key isn't the certificate's (ssl.SSLError).
        """
        client_context(self)


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For NATS and PostgreSQL: the server's certificate and its name have to be right.

    Raises:
        OSError: As in `TlsFiles.check`.
    """
    context = ssl.create_default_context(cafile=None if files.ca is None else str(files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_own(context, files)
    return context


def load_own(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Show this certificate in the handshakes from now on.

    Raises:
        OSError: As in `TlsFiles.check`.
    """
    if files.cert is not None:
        context.load_cert_chain(files.cert, files.key)


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """For calling other services.

    Raises:
        OSError: As in `TlsFiles.check`.
    """
    files.check()
    return grpc.ssl_channel_credentials(_read(files.ca), _read(files.key), _read(files.cert))


def server_files(settings: ServiceSettings) -> TlsFiles:
    """What a service's own port is told."""
    return TlsFiles(settings.grpc_tls_client_ca, settings.grpc_tls_cert, settings.grpc_tls_key)


def nats_files(settings: ServiceSettings) -> TlsFiles:
    """What the connection to NATS is told."""
    return TlsFiles(settings.nats_tls_ca, settings.nats_tls_cert, settings.nats_tls_key)


def server_credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    """A port's credentials; None for one that is not encrypted.

    With `grpc_tls_client_ca` only clients whose certificate it signed get through.

    Raises:
        OSError: As in `TlsFiles.check`.
    """
    files = server_files(settings)
    if files.cert is None:
        return None
    files.check()
    source = _Renewed(files)
    return grpc.dynamic_ssl_server_credentials(
        source.current,
        source.fetch,  # type: ignore[arg-type]  # None is "no news", the stubs don't know
        require_client_authentication=files.ca is not None,
    )


class _Renewed:
    """The newest certificate that is whole; gRPC asks at each handshake, from its own threads."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._stamp = files.stamp()
        self.current = self._configuration()

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The new configuration; None when the last one still holds."""
        with self._lock:
            try:
                stamp = self._files.stamp()
                if stamp == self._stamp:
                    return None
                self._files.check()
                fresh = self._configuration()
                if self._files.stamp() != stamp:
                    return None  # replaced while it was read: the next handshake sees it whole
            except OSError as error:
                log.warning("the new certificate can't be used, the old one stays: %s", error)
                return None
            self._stamp = stamp
            self.current = fresh
        log.info("a new certificate is shown from now on")
        return fresh

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        files = self._files
        assert files.key is not None and files.cert is not None  # noqa: S101, PT018 - settings see to it
        pair = (files.key.read_bytes(), files.cert.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], _read(files.ca))


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
