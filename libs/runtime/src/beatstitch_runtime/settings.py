"""What every service can be told through its environment (prefix BEATSTITCH_).

A service derives its own settings from `ServiceSettings` and adds fields; secrets are `SecretStr`,
so that neither a repr nor a validation error shows them.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MB = 1024 * 1024


def default_worker_name() -> str:
    """Host and pid: unique among the live processes of a cluster."""
    return f"{socket.gethostname()}-{os.getpid()}"


class ServiceSettings(BaseSettings):
    """Settings that all services share.

    Attributes:
        grpc_host: Address to listen on.
        grpc_port: Port to listen on; 0 takes a free one.
        grpc_max_message_bytes: Largest message in either direction.
        grpc_default_timeout_s: Limit of a unary call whose client gave none.
        grpc_max_connection_age_s: When a client has to connect again, so that new replicas get
            their share; 0 for never.
        grpc_tls_cert: PEM file of the port's certificate (and those up to its authority); empty for
            a port without TLS. A replaced file is seen at the next handshake.
        grpc_tls_key: PEM file of its private key.
        grpc_tls_client_ca: PEM file of the authority that has to have signed a client's
            certificate; empty to ask for none.
        grpc_tls_client_names: Names, separated by commas, of which a client's certificate has to
            carry one (SAN); empty for any that the authority signed.
        nats_url: One or more URLs, separated by commas.
        nats_credentials: A NATS credentials file, in production.
        nats_user: User's name, where the server knows users by password.
        nats_password: Its password.
        nats_inbox_prefix: Where answers come to. Each service its own, where the rights tell users
            apart: else one could listen to another's answers.
        nats_narrow_rights: Whether the NATS user has only the rights that
            `beatstitch_runtime.rights` gives a worker. It then makes no stream that is missing, and
            leaves queued pieces of a cancelled render to those who take them.
        nats_tls_ca: PEM file of the authority of NATS' certificate. This, or a client certificate,
            turns TLS on; a server that offers none is refused then.
        nats_tls_cert: PEM file of our certificate for NATS.
        nats_tls_key: PEM file of its private key.
        nats_connect_timeout_s: How long a starting service waits for NATS.
        s3_endpoint: URL of the S3 server as services reach it.
        s3_public_endpoint: URL of the S3 server as clients reach it, for signed links.
        s3_bucket: The bucket, which has to exist.
        s3_access_key: Access key.
        s3_secret_key: Secret key.
        s3_region: Region that requests are signed for.
        s3_touch_after_s: Age at which a finished piece that is found and used is made young again,
            so that the cleaning keeps it; at most half of the gateway's retention_safety_s.
        s3_ca_file: PEM file of a private authority of the S3 server's certificate, believed beside
            the system's.
        log_level: Threshold of the log.
        log_format: "json" for machines, "text" for people.
        metrics_host: Address of the page for Prometheus.
        metrics_port: Its port: /metrics, /livez, /readyz; 0 or empty for none.
        otlp_endpoint: URL of an OpenTelemetry collector (OTLP over gRPC, https:// for TLS) that
            gets traces; empty for none.
        otlp_sample_ratio: Share of the traces begun here that are kept; a caller's own decision
            counts for those it began.
        drain_grace_s: How long running jobs and calls may go on after SIGTERM.
        worker_name: Who did it, in events and logs.
        work_dir: Folder for scratch files; the system's temporary folder when not set.
        jobs_replicas: Replicas of each stream; 3 in production.
        jobs_max_messages: Jobs that may wait; more are refused with QUEUE_FULL.
        jobs_max_bytes: Bytes of jobs that may wait.
        ack_wait_s: A job whose worker is silent for so long goes to another one.
        heartbeat_s: Distance of a worker's signs of life; well below ack_wait_s.
        max_deliver: How often a job is handed out at most.
        max_ack_pending: Jobs of one type and lane that may run at the same time in the cluster;
            above replicas × slots.
        fetch_s: How long one request for a job waits, seconds, at most 5.
        retry_base_s: Pause before the second try of a job; doubles with each further one.
        retry_max_s: Longest such pause.
    """

    model_config = SettingsConfigDict(env_prefix="BEATSTITCH_", extra="ignore", env_file=None)

    grpc_host: str = "127.0.0.1"
    grpc_port: int = Field(0, ge=0, le=65535)
    grpc_max_message_bytes: int = Field(32 * MB, gt=0)
    grpc_default_timeout_s: float = Field(60.0, gt=0)
    grpc_max_connection_age_s: float = Field(1800.0, ge=0)

    grpc_tls_cert: Path | None = None
    grpc_tls_key: Path | None = None
    grpc_tls_client_ca: Path | None = None
    grpc_tls_client_names: str = ""

    nats_url: str = "nats://127.0.0.1:4222"
    nats_credentials: Path | None = None
    nats_user: str = ""
    nats_password: SecretStr = SecretStr("")
    nats_inbox_prefix: str = Field("_INBOX", pattern=r"^[A-Za-z0-9_-]+$")
    nats_narrow_rights: bool = False
    nats_tls_ca: Path | None = None
    nats_tls_cert: Path | None = None
    nats_tls_key: Path | None = None
    nats_connect_timeout_s: float = Field(30.0, gt=0)

    s3_endpoint: str = "http://127.0.0.1:8333"
    s3_public_endpoint: str | None = None
    s3_bucket: str = "beatstitch"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_touch_after_s: float = Field(3600.0, ge=0)
    s3_ca_file: Path | None = None

    log_level: str = "INFO"
    log_format: Literal["json", "text"] = "json"

    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65535)
    otlp_endpoint: str = ""
    otlp_sample_ratio: float = Field(1.0, ge=0, le=1)

    drain_grace_s: float = Field(30.0, ge=0)
    worker_name: str = Field(default_factory=default_worker_name)
    work_dir: Path | None = None

    jobs_replicas: int = Field(1, ge=1, le=5)
    jobs_max_messages: int = Field(100_000, gt=0)
    jobs_max_bytes: int = Field(256 * MB, gt=0)
    ack_wait_s: float = Field(60.0, gt=0)
    heartbeat_s: float = Field(15.0, gt=0)
    max_deliver: int = Field(5, ge=1)
    max_ack_pending: int = Field(4096, ge=1)
    fetch_s: float = Field(5.0, gt=0, le=5)
    retry_base_s: float = Field(2.0, gt=0)
    retry_max_s: float = Field(60.0, gt=0)

    @field_validator("metrics_port", mode="before")
    @classmethod
    def _empty_is_off(cls, value: object) -> object:
        return 0 if value == "" else value

    @model_validator(mode="after")
    def _certificates_have_keys(self) -> Self:
        # Also those that a service adds: one without the other would be left unused, in clear.
        for name in type(self).model_fields:
            if not name.endswith("tls_cert"):
                continue
            stem = name.removesuffix("cert")
            if (getattr(self, name) is None) != (getattr(self, f"{stem}key") is None):
                raise ValueError(f"{stem}cert and {stem}key belong together")
        if self.grpc_tls_cert is None and (self.grpc_tls_client_ca or self.grpc_tls_client_names):
            raise ValueError("a port that asks for certificates needs grpc_tls_cert")
        if self.grpc_tls_client_names and self.grpc_tls_client_ca is None:
            raise ValueError("grpc_tls_client_names needs grpc_tls_client_ca")
        return self
