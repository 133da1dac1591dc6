"""How a metric is declared: once, in a registry of our own, known to the docs and the tests.

Labels take few values (methods, types, lanes, reasons), never an id or a name that a client chose;
the one exception, `tenant`, is cut off at the largest tenants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

# One series more for each, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

# Seconds: of calls, of storage; of jobs, which may take hours.
CALL_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
JOB_BUCKETS: Final = (
    *(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    *(30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0),
)


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric as docs and tests see it.

    Attributes:
        name: Name as it is exported, "_total" included, "_bucket" and its kin not.
        kind: "counter", "gauge" or "histogram".
        labels: Names of its labels.
        help: What it says, and in which unit.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    @property
    def samples(self) -> dict[str, tuple[str, ...]]:
        """Names of the exported series, each with its labels."""
        if self.kind != "histogram":
            return {self.name: self.labels}
        return {
            f"{self.name}_bucket": (*self.labels, "le"),
            f"{self.name}_count": self.labels,
            f"{self.name}_sum": self.labels,
        }


_declared: list[Declared] = []


def declared() -> tuple[Declared, ...]:
    """All metrics of the modules that are imported by now, by name."""
    return tuple(sorted(_declared, key=lambda metric: metric.name))


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Something that only grows; its name ends in "_total"."""
    _declared.append(Declared(name, "counter", tuple(labels), text))
    return Counter(name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Something that is what it is now."""
    _declared.append(Declared(name, "gauge", tuple(labels), text))
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
) -> Histogram:
    """Something that is measured each time it happens."""
    _declared.append(Declared(name, "histogram", tuple(labels), text))
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)
