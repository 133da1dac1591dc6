"""Writes the tables in docs/capacity.md from docs/capacity.json and the manifests' limits.

`bench/capacity_bench.py --json docs/capacity.json` measures. Run by `make docs`; `make check` fails
when the tables are not up to date.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "capacity.md"
MEASURED = ROOT / "docs" / "capacity.json"
K8S = ROOT / "deploy" / "k8s"
BEGIN = "<!-- {}: made by `make docs`, don't edit -->"
END = "<!-- end of {} -->"

PARTS = ("renderer", "analyzer", "timeline", "gateway", "postgres", "nats", "s3")
# What one video is made of where nothing is known yet.
FPS, VIDEO_S, SONG_S, CLIPS, CLIP_S, PHOTOS = 30, 60, 60, 10, 8, 10
RATES = (1, 100, 10_000)
# A queue that is never idle waits for ever: so much of a core is planned to be busy.
BUSY = 0.7
HOUR_S = 3600
# Where the pods of a part are declared, and their autoscaler.
PODS = {
    "renderer": ("renderer-batch", "keda"),
    "analyzer": ("analyzer", "keda"),
    "timeline": ("timeline", "keda"),
    "gateway": ("gateway", "hpa"),
}

Costs = dict[str, dict[str, float]]


def unit_costs(measured: Mapping[str, Any]) -> Costs:
    """Core seconds of each part for one of each kind of work. Pure."""
    units = {
        "a second of song, analysed": measured["song"]["seconds"],
        "a second of 1080p clip, taken in": measured["clips"]["seconds"],
        "a photo, taken in": measured["photos"]["count"],
        "a timeline": measured["timelines"]["count"],
        "a frame at 720p": measured["renders 720p"]["frames"],
        "a frame at 1080p": measured["renders 1080p"]["frames"],
    }
    laps = ("song", "clips", "photos", "timelines", "renders 720p", "renders 1080p")
    return {
        unit: {part: measured[lap]["cpu_s"][part] / amount for part in PARTS}
        for (unit, amount), lap in zip(units.items(), laps, strict=True)
    }


def video_costs(costs: Costs) -> dict[str, dict[str, float]]:
    """Core seconds of each part for one video, of material that is there and of new. Pure."""
    song, clip, photo, _, _, frame = costs.values()
    # A render's lap has its timeline in it.
    again = {part: frame[part] * FPS * VIDEO_S for part in PARTS}
    new = {
        part: again[part] + song[part] * SONG_S + clip[part] * CLIPS * CLIP_S + photo[part] * PHOTOS
        for part in PARTS
    }
    return {"material that is there": again, "new material": new}


def pods(part: str) -> tuple[float, int]:
    """Cores that a pod of the part asks for, and the most pods its autoscaler makes."""
    name, component = PODS[part]
    objects = yaml.safe_load_all((K8S / "base" / f"{name}.yaml").read_text("utf-8"))
    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    asked = str(container["resources"]["requests"]["cpu"])
    cores = int(asked[:-1]) / 1000 if asked.endswith("m") else float(asked)
    scaler = yaml.safe_load((K8S / "components" / component / f"{name}.yaml").read_text("utf-8"))
    spec = scaler["spec"]
    return cores, int(spec.get("maxReplicaCount") or spec["maxReplicas"])


def unit_table(costs: Costs) -> str:
    """Milliseconds of a core."""
    lines = [f"| core milliseconds for | {' | '.join(PARTS)} |", "|---|" + "--:|" * len(PARTS)]
    for unit, by_part in costs.items():
        cells = " | ".join(_short(by_part[part] * 1000) for part in PARTS)
        lines.append(f"| {unit} | {cells} |")
    return "\n".join(lines)


def rate_table(costs: Costs, output_bytes: float) -> str:
    """Cores, pods and bytes for so many videos an hour."""
    heads = [f"{part} cores (pods)" if part in PODS else f"{part} cores" for part in PARTS]
    lines = [f"| videos an hour | {' | '.join(heads)} | videos, GB a week |"]
    lines.append("|---|" + "--:|" * (len(PARTS) + 1))
    for kind, by_part in video_costs(costs).items():
        for rate in RATES:
            cells = [_cell(part, by_part[part] * rate / HOUR_S / BUSY) for part in PARTS]
            week = output_bytes * rate * 24 * 7 / 1e9
            lines.append(f"| {rate:,}, {kind} | {' | '.join(cells)} | {_short(week)} |")
    return "\n".join(lines)


def most_table(costs: Costs) -> str:
    """What the autoscalers of `prod` go up to."""
    lines = [
        "| | most pods | their cores | videos an hour, material there | new material |",
        "|---|--:|--:|--:|--:|",
    ]
    kinds = video_costs(costs)
    for part in PODS:
        cores, most = pods(part)
        rates = [cores * most * BUSY * HOUR_S / by_part[part] for by_part in kinds.values()]
        told = " | ".join(_short(rate) for rate in rates)
        lines.append(f"| {part} | {most} | {cores * most:g} | {told} |")
    return "\n".join(lines)


def page(old: str, measured: Mapping[str, Any]) -> str:
    """The page with its tables made anew. Pure but for the manifests."""
    costs = unit_costs(measured)
    lap = measured["renders 1080p"]
    output_bytes = lap["output_bytes"] / lap["frames"] * FPS * VIDEO_S
    tables = {
        "costs": unit_table(costs),
        "needs": rate_table(costs, output_bytes),
        "most": most_table(costs),
    }
    for name, table in tables.items():
        head, begin, rest = old.partition(BEGIN.format(name))
        _, end, tail = rest.partition(END.format(name))
        if not begin or not end:
            raise SystemExit(f"{PAGE.name} has lost the marks of its table {name}")
        old = f"{head}{begin}\n{table}\n{end}{tail}"
    return old


def _cell(part: str, cores: float) -> str:
    if part not in PODS:
        return _short(cores)
    return f"{_short(cores)} ({max(1, math.ceil(cores / pods(part)[0]))})"


def _short(number: float) -> str:
    """Two figures that count."""
    if number >= 10:
        digits = 1 - math.floor(math.log10(number))
        return f"{round(number, digits):,.0f}"
    return f"{number:.2g}" if number >= 0.001 else "0"


if __name__ == "__main__":
    was = PAGE.read_text("utf-8")
    made = page(was, json.loads(MEASURED.read_text("utf-8")))
    if "--check" in sys.argv:
        raise SystemExit("docs/capacity.md is stale: run `make docs`" if made != was else 0)
    PAGE.write_text(made, "utf-8")
