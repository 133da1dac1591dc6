"""Calls to the object storage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_runtime.metrics.declare import CALL_BUCKETS, counter, histogram

P = ParamSpec("P")
R = TypeVar("R")
Async: TypeAlias = Callable[P, Coroutine[Any, Any, R]]
Parts: TypeAlias = Callable[P, AsyncIterator[R]]

_seconds = histogram(
    "beatstitch_storage_call_seconds",
    "Duration of calls to the object storage, retries included, seconds; of streams and lists "
    "until their first part.",
    ("operation",),
    buckets=CALL_BUCKETS,
)
_failures = counter(
    "beatstitch_storage_failures_total",
    "Calls to the object storage that failed, by reason; a missing object is no failure.",
    ("operation", "reason"),
)
# An answer like any other.
_NO_FAILURE: Final = frozenset({failure_pb2.ERROR_REASON_OBJECT_MISSING})


def _ended(operation: str, begun: float, error: BaseException | None = None) -> None:
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return  # the caller gave up: says nothing of the storage
    _seconds.labels(operation).observe(time.perf_counter() - begun)
    if error is None:
        return
    if not isinstance(error, BeatStitchError):
        _failures.labels(operation, "other").inc()
    elif error.reason not in _NO_FAILURE:
        _failures.labels(operation, reason_name(error.reason)).inc()


def measured(operation: str) -> Callable[[Async[P, R]], Async[P, R]]:
    """Measures a coroutine function under this name."""

    def decorate(method: Async[P, R]) -> Async[P, R]:
        @wraps(method)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            begun = time.perf_counter()
            try:
                result = await method(*args, **kwargs)
            except BaseException as error:
                _ended(operation, begun, error)
                raise
            _ended(operation, begun)
            return result

        return call

    return decorate


def measured_parts(operation: str) -> Callable[[Parts[P, R]], Parts[P, R]]:
    """Measures an asynchronous generator: how long its first part takes, and how it fails."""

    def decorate(method: Parts[P, R]) -> Parts[P, R]:
        @wraps(method)
        async def parts(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
            begun = time.perf_counter()
            waiting = True
            source = method(*args, **kwargs)
            try:
                async for part in source:
                    if waiting:
                        waiting = False
                        _ended(operation, begun)
                    yield part
            except BaseException as error:
                _ended(operation, begun, error)
                raise
            finally:
                close = getattr(source, "aclose", None)
                if close is not None:
                    await close()
            if waiting:
                _ended(operation, begun)

        return parts

    return decorate
