"""KEDA and the autoscaler it makes, as formulas, and a queue to try them on. No clock, no cluster.

What is modelled: the lag that KEDA reports of a JetStream consumer; the autoscaler's
ceil(lag / threshold) with its tolerance of a tenth; the limits and windows of `behavior`; the
cooldown before none; pods that take their time to start, and that end what they hold.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

TICK_S = 1
SYNC_S = 15
TOLERANCE = 0.1


def lag(page: dict[str, Any], trigger: dict[str, str]) -> int:
    """What KEDA reports of a trigger, from nats-server's /jsz page of its account.

    Raises:
        LookupError: It isn't there; KEDA would take the stream's last sequence instead.
    """
    for account in page.get("account_details", []):
        for stream in account.get("stream_detail", []):
            for consumer in stream.get("consumer_detail", []):
                if (account["name"], stream["name"], consumer["name"]) == (
                    trigger["account"],
                    trigger["stream"],
                    trigger["consumer"],
                ):
                    return int(consumer["num_pending"]) + int(consumer["num_ack_pending"])
    raise LookupError(trigger["consumer"])


@dataclass
class Scaler:
    """One ScaledObject's decisions about one trigger."""

    spec: dict[str, Any]
    threshold: int
    replicas: int = 0
    _active_at: int = -(10**9)
    _wanted: deque[tuple[int, int]] = field(default_factory=deque)
    _was: deque[tuple[int, int]] = field(default_factory=deque)

    def decide(self, now: int, waiting: int) -> int:
        """The number of pods from `now` on, seconds, for a lag."""
        least, most = self.spec["minReplicaCount"], self.spec["maxReplicaCount"]
        if now % self.spec["pollingInterval"] == 0:
            self._activate(now, waiting)
        if self.replicas and now % SYNC_S == 0:
            self._autoscale(now, waiting, max(least, 1), most)
        self._was.append((now, self.replicas))
        while self._was and self._was[0][0] < now - 1800:
            self._was.popleft()
        return self.replicas

    def _activate(self, now: int, waiting: int) -> None:
        if waiting > 0:
            self._active_at = now
            self.replicas = max(self.replicas, 1)
        elif now - self._active_at >= self.spec["cooldownPeriod"]:
            self.replicas = self.spec["minReplicaCount"]
            self._wanted.clear()

    def _autoscale(self, now: int, waiting: int, least: int, most: int) -> None:
        behavior = self.spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        ratio = waiting / (self.threshold * self.replicas)
        wanted = self.replicas
        if abs(ratio - 1) > TOLERANCE:
            wanted = math.ceil(waiting / self.threshold)
        wanted = min(max(wanted, least), most)
        window = behavior["scaleDown"]["stabilizationWindowSeconds"]
        self._wanted.append((now, wanted))
        while self._wanted and self._wanted[0][0] < now - window:
            self._wanted.popleft()
        if wanted < self.replicas:
            wanted = min(self.replicas, max(number for _, number in self._wanted))
        if wanted > self.replicas:
            wanted = min(wanted, self._limit(now, behavior["scaleUp"], up=True))
        elif wanted < self.replicas:
            wanted = max(wanted, self._limit(now, behavior["scaleDown"], up=False))
        self.replicas = min(max(wanted, least), most)

    def _limit(self, now: int, rules: dict[str, Any], *, up: bool) -> int:
        limits = []
        for policy in rules["policies"]:
            since = [n for at, n in self._was if at >= now - policy["periodSeconds"]]
            base = (min if up else max)(since, default=self.replicas)
            change = policy["value"] if policy["type"] == "Pods" else base * policy["value"] / 100
            limits.append(math.ceil(base + change) if up else math.floor(base - change))
        return max(limits) if up else min(limits)


@dataclass
class Trial:
    """What came of a trace.

    Attributes:
        waits: Of each piece, from its arrival to its start, seconds.
        pods: The number wanted at each second.
        left: Pieces that were not done at the end.
        turns: How often the number began to fall after it had risen, or to rise after it had
            fallen.
    """

    waits: list[int] = field(default_factory=list)
    pods: list[int] = field(default_factory=list)
    left: int = 0
    turns: int = 0


def trial(
    scaler: Scaler,
    arrivals: Sequence[int],
    *,
    piece_s: int,
    places: int,
    start_s: int,
    until_s: int,
) -> Trial:
    """Pieces that arrive at these seconds, worked on by as many pods as the scaler wants.

    Args:
        scaler: Who decides.
        arrivals: When pieces come, seconds, in order.
        piece_s: How long a piece takes.
        places: Pieces at a time in a pod.
        start_s: From the decision to a pod's first piece.
        until_s: How long to watch.
    """
    told = Trial()
    queue: deque[int] = deque()
    busy: list[int] = []  # when each running piece ends
    starting: deque[int] = deque()  # when each new pod is there
    up, coming, direction = 0, 0, 0
    for now in range(until_s):
        while coming < len(arrivals) and arrivals[coming] <= now:
            queue.append(arrivals[coming])
            coming += 1
        while busy and busy[0] <= now:
            heapq.heappop(busy)
        before = told.pods[-1] if told.pods else scaler.replicas
        wanted = scaler.decide(now, len(queue) + len(busy))
        told.pods.append(wanted)
        if wanted != before:
            way = 1 if wanted > before else -1
            told.turns += direction not in {0, way}
            direction = way
        while up + len(starting) < wanted:
            starting.append(now + start_s)
        while up + len(starting) > wanted and starting:
            starting.pop()
        up = min(up, wanted)  # those that end go on with what they hold, and take no more
        while starting and starting[0] <= now:
            starting.popleft()
            up += 1
        while queue and len(busy) < up * places:
            told.waits.append(now - queue.popleft())
            heapq.heappush(busy, now + piece_s)
    told.left = len(queue) + len(arrivals) - coming
    return told
