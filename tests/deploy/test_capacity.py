"""The arithmetic of docs/capacity.md, and that the autoscalers reach what it promises."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType

import pytest
from support.manifests import ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    path = ROOT / "tools" / "capacity_tables.py"
    spec = importlib.util.spec_from_file_location("capacity_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lap(**cpu_s: float) -> dict[str, float]:
    parts = ("renderer", "analyzer", "timeline", "gateway", "postgres", "nats", "s3")
    return dict.fromkeys(parts, 0.0) | cpu_s


def test_a_video_costs_its_frames_and_its_new_material(tables: ModuleType) -> None:
    measured = {
        "song": {"seconds": 100, "cpu_s": lap(analyzer=5)},
        "clips": {"seconds": 10, "cpu_s": lap(analyzer=4)},
        "photos": {"count": 4, "cpu_s": lap(analyzer=2, gateway=0.4)},
        "timelines": {"count": 10, "cpu_s": lap(timeline=1)},
        "renders 720p": {"frames": 1000, "cpu_s": lap(renderer=20)},
        "renders 1080p": {"frames": 1000, "cpu_s": lap(renderer=50)},
    }
    kinds = tables.video_costs(tables.unit_costs(measured))
    assert kinds["material that is there"]["renderer"] == pytest.approx(1800 * 0.05)
    assert kinds["material that is there"]["analyzer"] == 0
    # A minute of song, 80 seconds of clips, ten photos.
    assert kinds["new material"]["analyzer"] == pytest.approx(60 * 0.05 + 80 * 0.4 + 10 * 0.5)
    assert kinds["new material"]["gateway"] == pytest.approx(10 * 0.1)


def test_the_autoscalers_reach_ten_thousand_videos_an_hour(tables: ModuleType) -> None:
    costs = tables.unit_costs(json.loads((ROOT / "docs" / "capacity.json").read_text("utf-8")))
    for by_part in tables.video_costs(costs).values():
        for part in tables.PODS:
            cores, most = tables.pods(part)
            needed = by_part[part] * 10_000 / tables.HOUR_S / tables.BUSY
            assert cores * most >= needed, part
