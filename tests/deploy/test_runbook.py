"""The runbook has an entry for every alert, and names in a cluster only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.manifests import pods, render
from support.runbook import PARTS, checks, entries

ALERTS = Path(__file__).parents[2] / "deploy" / "monitoring" / "alerts.yaml"


def test_every_alert_has_its_entry():
    rules = yaml.safe_load(ALERTS.read_text())["groups"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"]}
    named = {title for title in entries() if title.startswith("BeatStitch")}
    assert named == alerts


@pytest.mark.parametrize("title", sorted(entries()))
def test_an_entry_is_whole(title):
    text = entries()[title]
    for part in PARTS:
        assert part in text, part
    assert checks(text)
    for line in checks(text):
        assert line.startswith(("bs ", "curl ", "kubectl -n beatstitch ")), line


def test_what_is_named_in_a_cluster_is_there():
    workloads = pods(render("prod"))
    for text in entries().values():
        for kind, name in re.findall(r"(deployment|cronjob|statefulset)/([a-z-]+)", text):
            assert workloads[name].kind.lower() == kind, name
