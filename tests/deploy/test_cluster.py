"""What the Makefile does in a cluster, told by a kubectl that only writes down what it is asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.manifests import ROOT, of_kind, pods, render

SCRIPT = ROOT / "deploy" / "cluster.sh"


@pytest.fixture
def ask(tmp_path: Path):
    """Runs the script and answers with kubectl's command lines; the namespace is left out."""
    said = tmp_path / "said"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {said}\n')
    kubectl.chmod(0o755)

    def run(*arguments: str, code: int = 0) -> list[str]:
        said.write_text("")
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={**os.environ, "KUBE": str(kubectl), "NAMESPACE": "films", "OVERLAY": "prod"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        lines = said.read_text().splitlines()
        assert all(line.startswith("--namespace films ") for line in lines)
        return [line.removeprefix("--namespace films ") for line in lines]

    return run


def test_all_that_is_prepared_is_prepared_before_anything_serves(ask):
    first, second, third, *rollouts = ask("deploy")
    assert first.startswith("delete job prepare --ignore-not-found")
    assert second == f"apply -k {ROOT}/deploy/k8s/overlays/prod"
    assert third.startswith("wait --for=condition=complete job/prepare")
    deployments = of_kind(render("prod"), "Deployment")
    assert {line.split()[2] for line in rollouts} == {f"deployment/{name}" for name in deployments}


def test_what_it_names_is_in_the_manifests(ask):
    workloads = pods(render("prod"))
    (logs,) = ask("logs-worker")
    named = logs.rpartition("(")[2].rstrip(")").split(",")
    assert {*named, "gateway"} == {n for n, pod in workloads.items() if pod.kind == "Deployment"}
    for shell in ("shell-api", "shell-worker"):
        (line,) = ask(shell)
        pod = workloads[line.split("deployment/")[1].split()[0]]
        assert line.split("--container=")[1].split()[0] == pod.main["name"]
    created, _, told = ask("backup")
    assert "--from=cronjob/backup" in created
    assert told.split("--container=")[1] == workloads["backup"].main["name"]


def test_nobody_writes_while_a_dump_is_read(ask, tmp_path):
    for name in ("database.dump", "backup.json"):
        (tmp_path / name).touch()
    scaled, waited, read, *after = ask("restore", str(tmp_path))
    assert scaled == "scale deployment/gateway --replicas=0"
    assert waited.startswith("wait --for=delete pod")
    assert "pg_restore" in read
    assert "--single-transaction" in read
    assert any(line.startswith("apply -k") for line in after)


def test_what_cannot_be_done_touches_nothing(ask, tmp_path):
    assert ask("restore", str(tmp_path), code=2) == []
    assert ask("destroy", code=2) == []
