"""obstore's connection to the bucket that the settings name."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from obstore.store import S3Store

from beatstitch_runtime.settings import ServiceSettings

# Bounded: a storage that is away costs seconds, not obstore's three minutes; jobs are tried again.
_RETRY: Final = {
    "max_retries": 4,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=20),
}
# `timeout` is of the whole transfer, and a clip may have two gigabytes; stalls are what
# `read_timeout` finds.
_CLIENT: Final = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(hours=1),
}


def open_store(settings: ServiceSettings) -> S3Store:
    """The bucket; nothing is connected yet."""
    return S3Store(
        settings.s3_bucket,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key.get_secret_value(),
        secret_access_key=settings.s3_secret_key.get_secret_value(),
        virtual_hosted_style_request=False,
        client_options=_client_options(settings),  # type: ignore[arg-type]
        retry_config=_RETRY,  # type: ignore[arg-type]
    )


def _client_options(settings: ServiceSettings) -> dict[str, object]:
    options: dict[str, object] = dict(_CLIENT)
    # Once the endpoint is encrypted nothing, no redirect either, makes it plain.
    options["allow_http"] = settings.s3_endpoint.startswith("http://")
    if settings.s3_ca_file is not None:
        options["root_certificate"] = settings.s3_ca_file.read_bytes()
    return options
