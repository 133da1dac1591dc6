"""The dashboard and the alert rules name what the code exports, with the labels it has."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch_runtime.metrics.declare import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy" / "monitoring" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
PAGE = ROOT / "docs" / "observability.md"

# What Prometheus itself adds to each series.
TARGET_LABELS = frozenset({"job", "instance", "pod", "namespace"})
# All of PromQL that we use; anything else is a metric.
WORDS = frozenset(
    {"sum", "max", "by", "rate", "increase", "delta", "histogram_quantile", "topk", "and"}
)
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})?")
MATCHER = re.compile(r'([a-zA-Z_]+)(=~|!=|!~|=)"([^"]*)"')
DURATION = re.compile(r"\[(\d+[smhd]|\$__rate_interval)\]")
BY = re.compile(r"\bby\s*\(([^)]*)\)")


def reference():
    path = ROOT / "tools" / "metrics_reference.py"
    spec = importlib.util.spec_from_file_location("metrics_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


METRICS = reference().all_metrics()


def exported() -> dict[str, frozenset[str]]:
    """Labels by the name of each series, the process's own too."""
    known = {name: frozenset(labels) for m in METRICS for name, labels in m.samples.items()}
    for family in REGISTRY.collect():
        for sample in family.samples:
            known.setdefault(sample.name, frozenset(sample.labels))
    return known


KNOWN = exported()
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
BOARD = json.loads(DASHBOARD.read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [(p["title"], t["expr"], t["legendFormat"]) for p in PANELS for t in p["targets"]]
EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in RULES] + [
    (title, expr) for title, expr, _ in QUERIES
]


def selectors(expr: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The metrics of an expression, each with its matchers."""
    bare = BY.sub("", DURATION.sub("", expr))
    found = []
    for match in SELECTOR.finditer(bare):
        name, braces = match.group(1), match.group(2)
        if name in WORDS:
            continue
        found.append((name, MATCHER.findall(braces or "")))
    return found


def grouped(expr: str) -> set[str]:
    return {label.strip() for clause in BY.findall(expr) for label in clause.split(",")}


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS, ids=lambda text: text[:40])
def test_every_metric_and_label_is_exported(where, expr):
    found = selectors(expr)
    assert found, expr
    labels: set[str] = set(TARGET_LABELS)
    for name, matchers in found:
        assert name in KNOWN, f"{where}: nobody exports {name}"
        labels |= KNOWN[name]
        for label, _, _ in matchers:
            assert label in KNOWN[name], f"{where}: {name} has no label {label}"
    assert grouped(expr) <= labels, f"{where}: {grouped(expr) - labels}"
    assert expr.count("(") == expr.count(")")
    assert expr.count("{") == expr.count("}")


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS, ids=lambda text: text[:40])
def test_buckets_are_used_as_such(where, expr):
    quantiles = re.findall(r"histogram_quantile\([\d.]+, sum by \(([^)]*)\)", expr)
    assert len(quantiles) == expr.count("histogram_quantile"), where
    assert all("le" in {label.strip() for label in labels.split(",")} for labels in quantiles)
    for name, matchers in selectors(expr):
        for label, _, value in matchers:
            if label == "le":
                edges = _edges(name.removesuffix("_bucket"))
                assert value in edges, f"{where}: {name} has no bucket {value}"


def _edges(name: str) -> set[str]:
    return {
        sample.labels["le"]
        for family in REGISTRY.collect()
        for sample in family.samples
        if family.name == name and sample.name == f"{name}_bucket"
    }


def test_alerts_name_reasons_that_exist():
    known = {name.removeprefix("ERROR_REASON_") for name, _ in ErrorReason.items()}
    for rule in RULES:
        for _, matchers in selectors(rule["expr"]):
            for label, _, value in matchers:
                if label == "reason":
                    assert set(value.split("|")) <= known, rule["alert"]


def test_alerts_are_whole_and_explained():
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) >= 15
    page = PAGE.read_text()
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert f"| {rule['alert']} |" in page, "docs/observability.md says what it means"
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert told <= grouped(rule["expr"]), f"{rule['alert']}: {told}"


def test_the_dashboard_is_whole():
    assert BOARD["uid"] == "beatstitch"
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for title, expr, legend in QUERIES:
        shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
        assert shown <= grouped(expr), f"{title}: {legend}"
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    for one in places:
        assert one["x"] + one["w"] <= 24
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"


def test_every_metric_is_looked_at():
    """A metric that no panel and no alert shows is not worth its series."""
    named = {name for _, expr in EXPRESSIONS for name, _ in selectors(expr)}
    unseen = [metric.name for metric in METRICS if not named & set(metric.samples)]
    assert unseen == []


def test_every_metric_is_documented():
    module = reference()
    page = PAGE.read_text()
    assert module.page(page) == page, "run `make docs`"
    for metric in METRICS:
        assert f"| `{metric.name}` |" in page


def test_the_reference_knows_every_module_that_declares():
    module = reference()
    declaring = set()
    for room in (
        "libs/runtime/src",
        *(f"services/{s}/src" for s in ("gateway", "analyzer", "timeline", "renderer")),
    ):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            if (
                path.name != "declare.py"
                and "metrics.declare import" in text
                and re.search(r"^_\w+ = (counter|gauge|histogram)\(", text, re.MULTILINE)
            ):
                declaring.add(".".join(path.relative_to(ROOT / room).with_suffix("").parts))
    assert declaring == set(module.MODULES)


def test_a_wrong_name_would_be_found():
    assert selectors('sum by (type) (rate(beatstitch_nothing_total{a="b",c=~"d|e"}[5m])) > 0') == [
        ("beatstitch_nothing_total", [("a", "=", "b"), ("c", "=~", "d|e")])
    ]
