"""What goes wrong: a seeded order of faults, each with its end."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch_stack import StackError
from support import small_disk
from support.chaos.mailbox import MODES
from support.fault_proxy import Weather
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from beatstitch_stack import NatsServer, PostgresServer, S3Server, ServiceProcess
    from support.chaos.room import Room

    Victim = ServiceProcess | NatsServer | PostgresServer | S3Server

# Kind → how often it is drawn, compared with the others.
WEIGHTS = {
    "kill service": 4,
    "kill busy worker": 6,
    "hang service": 4,
    "stop service": 2,
    "kill server": 4,
    "hang server": 3,
    "weather": 6,
    "kill after event": 3,
    "duplicates": 2,
    "full disk": 2,
    "receiver": 3,
    "wipe nats": 1,
}
LONGEST_S = 7.0
WEATHERS = frozenset(weather.value for weather in Weather)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: A key of `WEIGHTS`.
        number: Chooses the victim among those of the kind.
        seconds: How long it lasts.
        pause_s: Peace before it.
    """

    kind: str
    number: int
    seconds: float
    pause_s: float


def schedule(seed: int) -> Iterator[Fault]:
    """Faults without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    first = rng.sample(kinds, len(kinds))  # a short run has each kind once
    while True:
        kind = first.pop() if first else rng.choices(kinds, weights)[0]
        yield Fault(kind, rng.randrange(1 << 20), rng.uniform(0.3, LONGEST_S), rng.uniform(0.2, 3))


def note(text: str) -> None:
    """Tell whoever follows a run (`pytest -s`), or reads what a failed one printed."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Trouble:
    """Does faults to a room and mends it.

    Attributes:
        done: How many faults there were, by kind and victim.
        held: Jobs in hand of the workers that were killed.
    """

    def __init__(self, room: Room, seed: int) -> None:
        self._room = room
        self._schedule = schedule(seed)
        self._begun = time.monotonic()
        self._busy: frozenset[str] = frozenset()
        self.done: Counter[str] = Counter()
        self.held = 0

    async def run(self) -> None:
        """One fault after the other, now and then two at once, until cancelled; all are mended."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            for fault in self._schedule:
                await asyncio.sleep(fault.pause_s)
                under_way.add(asyncio.create_task(self._strike(fault)))
                at_once = 2 if fault.number % 3 == 0 else 1
                while len(under_way) >= at_once:
                    done, under_way = await asyncio.wait(
                        under_way, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        task.result()
        finally:
            if under_way:
                await asyncio.wait(under_way)

    async def _strike(self, fault: Fault) -> None:
        name, action = self._plan(fault)
        where = frozenset(part for part in name.split() if part not in WEATHERS)
        if fault.kind == "wipe nats":
            where = frozenset(f"nats-{number}" for number in range(len(self._room.nats)))
        if where & self._busy:  # one victim isn't hung and killed at once
            action.close()
            return
        self._busy |= where
        begun = time.monotonic() - self._begun
        note(f"{begun:6.1f} s  {fault.kind} {name} {fault.seconds:.1f} s")
        try:
            if await action:
                self.done[f"{fault.kind} {name.rpartition('-')[0] or name}".strip()] += 1
        finally:
            self._busy -= where

    def _plan(self, fault: Fault) -> tuple[str, Coroutine[object, object, bool]]:
        """The victim's name, and what is done to it."""
        services, servers = self._room.system.services, self._servers()
        service = sorted(services)[fault.number % len(services)]
        server = sorted(servers)[fault.number % len(servers)]
        plans: dict[str, Callable[[], tuple[str, Coroutine[object, object, bool]]]] = {
            "kill service": lambda: (service, self._kill(services[service], fault.seconds)),
            "hang service": lambda: (service, self._hang(services[service], fault.seconds)),
            "stop service": lambda: (service, self._stop(services[service], fault.seconds)),
            "kill server": lambda: (server, self._kill(servers[server], fault.seconds)),
            "hang server": lambda: (server, self._hang(servers[server], fault.seconds)),
            "weather": lambda: self._weather(fault),
            "kill after event": lambda: ("", self._kill_after_event(fault.seconds)),
            "kill busy worker": lambda: ("", self._kill_busy(fault)),
            "duplicates": lambda: ("", self._duplicates(fault)),
            "full disk": lambda: self._full_disk(fault),
            "receiver": lambda: self._receiver(fault),
            "wipe nats": lambda: ("", self._wipe(fault.seconds)),
        }
        return plans[fault.kind]()

    def _servers(self) -> dict[str, Victim]:
        stack = self._room.system.stack
        found: dict[str, Victim] = {"s3": stack.s3, "postgres": stack.postgres}
        found |= {f"nats-{number}": node for number, node in enumerate(self._room.nats)}
        return found

    async def _kill(self, victim: Victim, seconds: float) -> bool:
        self.held += self._room.tap.worker_died(victim.pid)
        await asyncio.to_thread(victim.kill)
        await asyncio.sleep(seconds)
        await self._start(victim)
        return True

    async def _hang(self, victim: Victim, seconds: float) -> bool:
        await asyncio.to_thread(victim.pause)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(victim.resume)
        return True

    async def _stop(self, victim: Victim, seconds: float) -> bool:
        await asyncio.to_thread(victim.stop)
        await asyncio.sleep(seconds)
        await self._start(victim)
        return True

    async def _start(self, victim: Victim) -> None:
        for last in (False, False, False, True):
            try:
                await asyncio.to_thread(victim.start)
            except StackError:
                # What it needs may be away just now: whoever watches over it starts it again.
                if last:
                    raise
                await asyncio.sleep(1)
            else:
                return

    def _weather(self, fault: Fault) -> tuple[str, Coroutine[object, object, bool]]:
        kinds = [w for w in Weather if w is not Weather.FAIR]
        places = [("s3", [self._room.s3_proxy]), ("postgres", [self._room.postgres_proxy])]
        places.append(("nats", self._room.nats_proxies))
        places.append(("gateway", self._room.gateway_proxies))
        name, proxies = places[fault.number % len(places)]
        weather = kinds[fault.number // len(places) % len(kinds)]
        if weather is Weather.BUSY and name != "s3":
            weather = Weather.CUT

        async def act() -> bool:
            for proxy in proxies:
                proxy.change(weather)
            await asyncio.sleep(fault.seconds)
            for proxy in proxies:
                proxy.change(Weather.FAIR)
            return True

        return f"{weather.value} {name}", act()

    async def _kill_after_event(self, seconds: float) -> bool:
        """Kills a worker in the moment its end of a job is told: most often before its ack."""
        try:
            async with asyncio.timeout(LONGEST_S):
                worker = await self._room.tap.next_end()
        except TimeoutError:
            return False
        return await self._kill_worker(worker, min(seconds, 2.0))

    async def _kill_busy(self, fault: Fault) -> bool:
        """Kills a worker that has a job in hand."""
        running = self._room.tap.running
        try:
            await until(lambda: bool(running), LONGEST_S)
        except TimeoutError:
            return False
        workers = sorted(set(running.values()))
        return await self._kill_worker(workers[fault.number % len(workers)], fault.seconds)

    async def _kill_worker(self, worker: str, seconds: float) -> bool:
        for service in self._room.system.services.values():
            if service.name in self._busy or not service.running:
                continue
            if worker.endswith(f"-{service.pid}"):
                self._busy |= {service.name}
                try:
                    return await self._kill(service, seconds)
                finally:
                    self._busy -= {service.name}
        return False

    async def _duplicates(self, fault: Fault) -> bool:
        sent = await self._room.tap.publish_duplicates(1 + fault.number % 6, str(fault.number))
        return sent > 0

    def _full_disk(self, fault: Fault) -> tuple[str, Coroutine[object, object, bool]]:
        disks = sorted(self._room.disks.items())
        if not disks:
            return "", _nothing()
        name, path = disks[fault.number % len(disks)]

        async def act() -> bool:
            with small_disk.full(path):
                await asyncio.sleep(fault.seconds)
            return True

        return name, act()

    def _receiver(self, fault: Fault) -> tuple[str, Coroutine[object, object, bool]]:
        mode = MODES[fault.number % len(MODES)]

        async def act() -> bool:
            await self._room.mailbox.trouble(mode, fault.number, fault.seconds)
            return True

        return mode, act()

    async def _wipe(self, seconds: float) -> bool:
        nodes = self._room.nats
        await asyncio.gather(*(asyncio.to_thread(node.kill) for node in nodes))
        await asyncio.sleep(min(seconds, 3.0))
        for node in nodes:
            node.wipe()
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in nodes))
        return True


async def _nothing() -> bool:
    return False
