"""What the gateway is told by its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from beatstitch_core.limits import default_limits
from beatstitch_gateway.http.cors import origins_in
from beatstitch_gateway.identity.settings import TokenSettings
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.tls import TlsFiles

_LIMITS = default_limits()


class DatabaseSettings(ServiceSettings):
    """What the gateway's commands need too.

    Attributes:
        database_url: SQLAlchemy's style: `postgresql+asyncpg://user:password@host:port/name`.
        database_tls_ca: PEM file of the authority of the server's certificate. This, or a client
            certificate, turns TLS on; certificate and name are verified (libpq's verify-full).
        database_tls_cert: PEM file of our certificate for the database.
        database_tls_key: PEM file of its private key.
    """

    database_url: SecretStr
    database_tls_ca: Path | None = None
    database_tls_cert: Path | None = None
    database_tls_key: Path | None = None

    @property
    def database_tls(self) -> TlsFiles:
        """The files of the connection to the database."""
        return TlsFiles(self.database_tls_ca, self.database_tls_cert, self.database_tls_key)


class GatewaySettings(DatabaseSettings, TokenSettings):
    """All settings of the gateway; environment variables begin with BEATSTITCH_.

    Attributes:
        grpc_default_timeout_s: As everywhere, but WaitJob may take 300 s.
        database_pool_size: Connections kept open for changes, as many again in a rush, and as many
            for single reads.
        analyzer_address: gRPC target of the analyzers.
        timeline_address: gRPC target of the timeline services.
        renderer_address: gRPC target of the renderers.
        engine_tls_ca: PEM file of the authority of the engines' certificates; turns TLS on. Each
            has to carry its service's name: analyzer, timeline, renderer.
        engine_tls_cert: PEM file of our certificate for the engines.
        engine_tls_key: PEM file of its private key.
        engine_timeout_s: Longest wait for an engine's answer.
        http_host: Address of the port for browsers and curl (Connect, gRPC-Web).
        http_port: That port; 0 or empty for none.
        http_cors_origins: Web pages that may call it: exact origins, separated by commas, such as
            https://app.example; empty for none. There is no *.
        http_max_body_bytes: Largest message over HTTP, compressed or not.
        http_tls_cert: PEM file of its certificate (and those up to its authority); empty for HTTP
            without TLS. A replaced file is seen within the next handshakes.
        http_tls_key: PEM file of its private key.
        link_expiry_s: How long signed links work.
        key_cache_s: How long a key is known without asking the database: how long a revoked one
            may still work.
        audit_retention_days: How long the audit log is kept; 0 for ever.
        request_id_retention_s: How long replies are kept for their request_id.
        relay_interval_s: How often the outbox is looked at without being told.
        relay_retry_s: How long a message waits when the stream is full.
        tenant_jobs_in_flight: Most messages of one tenant, lane and type that are with the workers
            at once; more wait. -1 for no limit.
        outbox_limit: Accepted jobs of all tenants that may wait to be queued; above it a tenant
            that has its share of them gets QUEUE_FULL.
        quota_stored_bytes: Bytes of uploads and outputs of a tenant; -1 for no limit, as below.
        quota_assets: Assets of a tenant.
        quota_open_jobs: Jobs of a tenant that are PENDING or RUNNING, without those in a stitch.
        quota_rendered_minutes: Minutes of video of a tenant in a calendar month (UTC); previews
            count a tenth.
        rate_read_per_minute: Calls of a tenant that read, per minute and replica; 0 for no limit,
            as below. A quarter of it may come at once.
        rate_write_per_minute: Calls that change something and start no job.
        rate_upload_per_minute: Calls that begin or complete an upload or an import.
        rate_job_per_minute: Calls that start jobs; a batch counts as many as it has items.
        rate_engine_per_minute: Calls that an engine works for, as RenderFrame and GetWaveform.
        rate_stream_per_minute: Streams that are opened: WatchJob, WatchJobs, DownloadOutput.
        deadline_beat_analysis_s: When a beat analysis is given up (FAILED, JOB_TIMEOUT), counted
            from its acceptance, waiting included; 0 for never, as below.
        deadline_timeline_build_s: The same of a timeline's build.
        deadline_thumbnail_gen_s: The same of a picture's or clip's ingest.
        deadline_render_preview_s: The same of a preview.
        deadline_render_final_s: The same of any other render.
        deadline_stitch_s: The same of a stitch; its jobs have their own within it.
        deadline_interval_s: How often deadlines are looked at.
        event_pullers: How many events are applied side by side.
        reconcile_interval_s: How often the leader looks for lost jobs.
        pending_limit_s: How long a job may wait without news before it is looked for.
        running_limit_s: How long a job may run without news before it is looked for.
        cancel_limit_s: How long a worker has to say that it stopped.
        upload_retention_s: How long an upload may lie unfinished after its URLs ended.
        watch_poll_s: How often a watched job is read without being told.
        webhook_keys: What webhooks' secrets are encrypted with in the database: base64 of 32 bytes;
            several, separated by commas: the first encrypts, all of them decrypt. Empty: the
            secrets lie there as they are.
        webhook_allowed_networks: Networks that webhooks may lead to though they aren't public, such
            as 10.20.0.0/16, separated by commas; there by http:// too.
        webhook_ca_file: PEM file of authorities that receivers' certificates may come from, besides
            the public ones; empty for none.
        webhook_interval_s: How often due webhooks are looked for.
        single_put_bytes: Largest file that is PUT at once.
        part_bytes: Smallest part of a larger one.
        max_image_bytes: Largest picture.
        max_video_bytes: Largest clip.
        max_audio_bytes: Largest song.
        max_media_per_project: Most pictures and clips in a project.
        retention_interval_s: How often one replica cleans the bucket; 0 where something else does
            (`python -m beatstitch_gateway.cleanup`).
        retention_safety_s: Nothing younger is ever removed from the bucket: longer than the longest
            upload over a call, and at least twice s3_touch_after_s.
        retention_temporary_s: How long an unfinished upload is kept after its links ended. This and
            those below are for tenants without a time of their own; -1 for ever.
        retention_previews_s: How long outputs of previews are kept.
        retention_finals_s: How long outputs of all other renders are kept.
        retention_proxies_s: How long proxies and filmstrips are kept since they were last used.
        retention_chunks_s: How long rendered chunks are kept since they were last used.
        retention_chunk_bytes: Most bytes of rendered chunks of a tenant; -1 for no limit.
        import_sources: Where ImportAsset may read, separated by commas: "s3://bucket" or
            "s3://bucket/prefix"; "{tenant}" in a prefix stands for the caller's tenant. Empty for
            nowhere.
        import_endpoint: URL of the S3 server of those buckets; empty for our own.
        import_access_key: Access key for it, which needs to read only; empty for our own.
        import_secret_key: Its secret.
        import_region: Region that requests to it are signed for; empty for our own.
        stored_interval_s: How often the bytes in the bucket are counted, for metrics.
    """

    grpc_default_timeout_s: float = Field(330.0, gt=0)
    database_pool_size: int = Field(default=10, ge=1)
    analyzer_address: str = ""
    timeline_address: str = ""
    renderer_address: str = ""
    engine_tls_ca: Path | None = None
    engine_tls_cert: Path | None = None
    engine_tls_key: Path | None = None
    engine_timeout_s: float = 10.0
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535)
    http_cors_origins: str = ""
    http_max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    http_tls_cert: Path | None = None
    http_tls_key: Path | None = None
    link_expiry_s: int = Field(default=3600, ge=60, le=7 * 24 * 3600)
    key_cache_s: float = 10.0
    audit_retention_days: int = Field(default=90, ge=0, le=36500)
    request_id_retention_s: float = 24 * 3600.0
    relay_interval_s: float = 1.0
    relay_retry_s: float = 2.0
    tenant_jobs_in_flight: int = Field(default=1000, ge=-1)
    outbox_limit: int = Field(default=100_000, ge=1)
    quota_stored_bytes: int = Field(default=100 * 10**12, ge=-1)
    quota_assets: int = Field(default=10_000_000, ge=-1)
    quota_open_jobs: int = Field(default=100_000, ge=-1)
    quota_rendered_minutes: int = Field(default=10_000_000, ge=-1)
    rate_read_per_minute: int = Field(default=600_000, ge=0)
    rate_write_per_minute: int = Field(default=120_000, ge=0)
    rate_upload_per_minute: int = Field(default=120_000, ge=0)
    rate_job_per_minute: int = Field(default=120_000, ge=0)
    rate_engine_per_minute: int = Field(default=120_000, ge=0)
    rate_stream_per_minute: int = Field(default=120_000, ge=0)
    deadline_beat_analysis_s: float = Field(default=6 * 3600.0, ge=0)
    deadline_timeline_build_s: float = Field(default=6 * 3600.0, ge=0)
    deadline_thumbnail_gen_s: float = Field(default=6 * 3600.0, ge=0)
    deadline_render_preview_s: float = Field(default=6 * 3600.0, ge=0)
    deadline_render_final_s: float = Field(default=24 * 3600.0, ge=0)
    deadline_stitch_s: float = Field(default=48 * 3600.0, ge=0)
    deadline_interval_s: float = Field(default=5.0, gt=0)
    event_pullers: int = Field(default=4, ge=1)
    reconcile_interval_s: float = 15.0
    pending_limit_s: float = 120.0
    running_limit_s: float = 600.0
    cancel_limit_s: float = 60.0
    upload_retention_s: float = 24 * 3600.0
    watch_poll_s: float = 2.0
    webhook_keys: SecretStr = SecretStr("")
    webhook_allowed_networks: str = ""
    webhook_ca_file: str = ""
    webhook_interval_s: float = Field(default=1.0, gt=0)
    single_put_bytes: int = 64 * 1024 * 1024
    part_bytes: int = Field(default=16 * 1024 * 1024, ge=5 * 1024 * 1024)
    max_image_bytes: int = _LIMITS.max_image_bytes
    max_video_bytes: int = _LIMITS.max_video_bytes
    max_audio_bytes: int = _LIMITS.max_audio_bytes
    max_media_per_project: int = _LIMITS.max_media_per_project
    retention_interval_s: float = Field(3600.0, ge=0)
    retention_safety_s: float = Field(6 * 3600.0, ge=0)
    retention_temporary_s: float = 3600.0
    retention_previews_s: float = 24 * 3600.0
    retention_finals_s: float = 7 * 24 * 3600.0
    retention_proxies_s: float = 7 * 24 * 3600.0
    retention_chunks_s: float = 7 * 24 * 3600.0
    retention_chunk_bytes: int = 100 * 10**9
    import_sources: str = ""
    import_endpoint: str = ""
    import_access_key: SecretStr = SecretStr("")
    import_secret_key: SecretStr = SecretStr("")
    import_region: str = ""
    stored_interval_s: float = Field(900.0, gt=0)

    @field_validator("http_port", mode="before")
    @classmethod
    def _no_port_is_off(cls, value: object) -> object:
        return 0 if value == "" else value

    @field_validator("http_cors_origins")
    @classmethod
    def _origins_are_exact(cls, value: str) -> str:
        origins_in(value)
        return value

    @model_validator(mode="after")
    def _used_objects_stay(self) -> Self:
        # What is used is made young when it is older than s3_touch_after_s, no sooner.
        if self.retention_safety_s < 2 * self.s3_touch_after_s:
            raise ValueError("retention_safety_s has to be at least twice s3_touch_after_s")
        return self
