"""A running service: gRPC server, worker, background tasks; from its start to a clean end."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import uvloop

from beatstitch_runtime import tracing
from beatstitch_runtime.jobs.worker import Worker
from beatstitch_runtime.leaving import leave
from beatstitch_runtime.metrics.observers import Observer
from beatstitch_runtime.metrics.server import MetricsServer
from beatstitch_runtime.rpc.server import RpcServer
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.telemetry import configure_logging

log = logging.getLogger(__name__)

S = TypeVar("S", bound=ServiceSettings)
Closer = Callable[[], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Service:
    """What `build` returns.

    Attributes:
        settings: Grace and addresses.
        rpc: The gRPC server.
        worker: Runs jobs, where the service has any.
        background: Coroutine functions that run as long as the service. One that ends with an
            exception ends the service, so that it is started afresh.
        closers: Called at the end, the last one first: connections, pools.
        observers: Ask others for numbers when Prometheus asks for ours.
        port: Where the server listens; set by `start`.
        metrics_port: Where Prometheus asks; set by `start`, 0 when the settings say nowhere.
    """

    settings: ServiceSettings
    rpc: RpcServer
    worker: Worker | None = None
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    closers: Sequence[Closer] = ()
    observers: Sequence[Observer] = ()
    port: int = 0
    metrics_port: int = 0
    _serving: bool = False
    _metrics: MetricsServer | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> int:
        """Start everything and say SERVING; returns the port."""
        await self._start_metrics()
        self.port = await self.rpc.start()
        if self.worker is not None:
            await self.worker.start()
        self._tasks = [asyncio.create_task(begin()) for begin in self.background]
        await self.rpc.set_serving(True)
        self._serving = True
        return self.port

    async def stop(self, grace_s: float | None = None) -> None:
        """End everything in order: health, streams, jobs, calls, background, connections.

        Args:
            grace_s: How long calls and jobs may go on; `settings.drain_grace_s` when None.
        """
        grace = self.settings.drain_grace_s if grace_s is None else grace_s
        self._serving = False
        async with AsyncExitStack() as stack:  # each step happens, whatever another one raises
            if self._metrics is not None:
                stack.push_async_callback(self._metrics.stop)  # last: a drain is worth seeing
            for closer in self.closers:
                stack.push_async_callback(closer)
            stack.push_async_callback(self._end_background)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.rpc.stop(grace))
                if self.worker is not None:
                    group.create_task(self.worker.drain(grace))

    async def failed(self) -> None:
        """Wait until a background task fails, and raise what it raised; else for ever."""
        waiting = set(self._tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        await asyncio.Event().wait()

    async def _start_metrics(self) -> None:
        settings = self.settings
        if settings.metrics_port:
            self._metrics = MetricsServer(
                settings.metrics_host,
                settings.metrics_port,
                ready=lambda: self._serving,
                observers=self.observers,
            )
            self.metrics_port = await self._metrics.start()

    async def _end_background(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def run(service: Service) -> None:
    """Run until SIGTERM or SIGINT, then end cleanly; a second signal ends the grace.

    Raises:
        Exception: What a background task failed with.
    """
    loop = asyncio.get_running_loop()
    told, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if told.is_set() else told).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await service.start()
        log.info("serving")
        await _first(told.wait(), service.failed())
        log.info("draining")
    finally:
        await _stop(service, hurry)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        log.info("ended")


async def _stop(service: Service, hurry: asyncio.Event) -> None:
    """Stop the service; what still runs when `hurry` is set is cut off."""
    stopping = asyncio.create_task(service.stop())
    hurried = asyncio.create_task(hurry.wait())
    waits: set[asyncio.Task[Any]] = {stopping, hurried}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    if not stopping.done():
        log.warning("told twice to end: what still runs is cut off")
        stopping.cancel()
    with suppress(asyncio.CancelledError):
        await stopping


async def _first(*waits: Coroutine[Any, Any, object] | asyncio.Future[Any]) -> None:
    """Wait for the first of several, cancel the others, and raise what the first one raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run_main(build: Callable[[S], Service | Awaitable[Service]], settings: S) -> NoReturn:
    """The whole of a service's `main`: logs, event loop, build, run. Ends the process.

    Args:
        build: Wires the service; may be a coroutine function, for it may have to connect first.
        settings: Its settings, read from the environment.
    """
    configure_logging(settings)
    tracing.configure(settings, service_name(build))

    async def main() -> None:
        built = build(settings)
        await run(await built if inspect.isawaitable(built) else built)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    finally:
        tracing.shutdown()
    leave(0)


def service_name(build: Callable[..., object]) -> str:
    """How traces call the service that a function of its `main` builds: "gateway"."""
    return build.__module__.partition(".")[0].removeprefix("beatstitch_").strip("_")
