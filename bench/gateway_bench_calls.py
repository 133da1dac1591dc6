"""Unary Get: latency of one caller, throughput of a hundred."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway_bench_told import in_turns, median, quantile, verdict

from beatstitch.v1 import project_service_pb2 as projects
from beatstitch.v1.project_service_pb2_grpc import ProjectServiceStub

if TYPE_CHECKING:
    from gateway_bench import Room

CALLERS = 100
SLICE_S = 1.0
ROUNDS = 12


async def calls(room: Room) -> dict[str, float]:
    """GetProject through the gateway against a bare echo."""
    gateway, bare = ProjectServiceStub(room.gateway), ProjectServiceStub(room.bare)
    made = await gateway.CreateProject(
        projects.CreateProjectRequest(display_name="bench"), metadata=room.metadata
    )
    request = projects.GetProjectRequest(project_id=made.project.id)

    async def through() -> None:
        await gateway.GetProject(request, metadata=room.metadata)

    async def echoed() -> None:
        await bare.GetProject(request, metadata=room.metadata)

    ours, theirs = await in_turns([through, echoed], rounds=20, each=100)
    latency = median(ours) / median(theirs)
    verdict(
        "Get, latency of one caller",
        latency,
        2.5,
        most=True,
        more=f"{median(ours):.2f} ms to {median(theirs):.2f} ms, "
        f"p95 {quantile(ours, 0.95):.2f} to {quantile(theirs, 0.95):.2f}",
    )
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for found, once in zip(rates, (through, echoed), strict=True):
            found.append(await rate(once))
    share = median(rates[0]) / median(rates[1])
    verdict(
        f"Get, throughput of {CALLERS} callers",
        share,
        0.4,
        most=False,
        more=f"{median(rates[0]):.0f}/s to {median(rates[1]):.0f}/s",
    )
    return {"get_latency": latency, "get_throughput": share, "get_ms": median(ours)}


async def rate(once: object) -> float:
    """Calls a second of many callers."""
    done = 0
    ends = time.perf_counter() + SLICE_S

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await once()  # type: ignore[operator]
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done / (time.perf_counter() - begun)
