"""Every overlay renders, and an API server of two versions would take every object of it."""

import copy
import re
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from support.manifests import K8S, OVERLAYS, Manifest, of_kind, render

# The oldest that has all we use (preStop sleep), and the newest that is known here.
VERSIONS = ("1.34.0", "1.37.0")
NATURAL = {"type": "integer", "minimum": 0}
POLICIES: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
        "selectPolicy": {"enum": ["Max", "Min", "Disabled"]},
        "policies": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["type", "value", "periodSeconds"],
                "properties": {
                    "type": {"enum": ["Pods", "Percent"]},
                    "value": {"type": "integer", "minimum": 1},
                    "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
                },
            },
        },
    },
}
# All of a trigger's metadata are strings to KEDA: a bare 4 is refused by the API server.
JETSTREAM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "metadata"],
    "properties": {
        "type": {"const": "nats-jetstream"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": [
                "natsServerMonitoringEndpoint",
                "account",
                "stream",
                "consumer",
                "lagThreshold",
            ],
            "properties": {
                "natsServerMonitoringEndpoint": {"type": "string", "pattern": r"^[a-z0-9.-]+:\d+$"},
                "account": {"type": "string", "minLength": 1},
                "stream": {"type": "string", "minLength": 1},
                "consumer": {"type": "string", "minLength": 1},
                "lagThreshold": {"type": "string", "pattern": r"^[1-9]\d*$"},
                "activationLagThreshold": {"type": "string", "pattern": r"^\d+$"},
            },
        },
    },
}
CPU: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "metricType", "metadata"],
    "properties": {
        "type": {"const": "cpu"},
        "metricType": {"enum": ["Utilization", "AverageValue"]},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["value"],
            "properties": {"value": {"type": "string", "pattern": r"^[1-9]\d*$"}},
        },
    },
}
SCALED_OBJECT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount"],
    "properties": {
        "scaleTargetRef": {
            "type": "object",
            "additionalProperties": False,
            "required": ["apiVersion", "kind", "name"],
            "properties": {
                "apiVersion": {"const": "apps/v1"},
                "kind": {"const": "Deployment"},
                "name": {"type": "string"},
            },
        },
        "pollingInterval": {"type": "integer", "minimum": 1},
        "cooldownPeriod": NATURAL,
        "minReplicaCount": NATURAL,
        "maxReplicaCount": {"type": "integer", "minimum": 1},
        "fallback": {
            "type": "object",
            "additionalProperties": False,
            "required": ["failureThreshold", "replicas"],
            "properties": {
                "failureThreshold": NATURAL,
                "replicas": NATURAL,
                "behavior": {
                    "enum": [
                        "static",
                        "currentReplicas",
                        "currentReplicasIfHigher",
                        "currentReplicasIfLower",
                    ]
                },
            },
        },
        "advanced": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "restoreToOriginalReplicaCount": {"type": "boolean"},
                "horizontalPodAutoscalerConfig": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "behavior": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"scaleUp": POLICIES, "scaleDown": POLICIES},
                        }
                    },
                },
            },
        },
        "triggers": {"type": "array", "minItems": 1, "items": {"anyOf": [JETSTREAM, CPU]}},
    },
}
POD_MONITOR: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["selector", "podMetricsEndpoints"],
    "properties": {
        "selector": {"type": "object"},
        "podTargetLabels": {"type": "array", "items": {"type": "string"}},
        "podMetricsEndpoints": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["port", "path"],
                "properties": {
                    "port": {"type": "string"},
                    "path": {"type": "string"},
                    "interval": {"type": "string", "pattern": r"^\d+s$"},
                },
            },
        },
    },
}
CUSTOM = {
    ("keda.sh/v1alpha1", "ScaledObject"): SCALED_OBJECT,
    ("monitoring.coreos.com/v1", "PodMonitor"): POD_MONITOR,
}
CLUSTER_WIDE = {"Namespace", "PriorityClass"}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check(item: Manifest, version: str) -> None:
    schema = CUSTOM.get((item["apiVersion"], item["kind"]))
    if schema is None:
        kubernetes_validate.validate(item, version, strict=True)
    else:
        jsonschema.validate(item["spec"], schema)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_api_server_takes_every_object(overlay: str, version: str) -> None:
    for item in render(overlay):
        check(item, version)


def test_the_check_sees_what_a_server_would_ignore_or_refuse() -> None:
    deployment = copy.deepcopy(of_kind(render("prod"), "Deployment")["gateway"])
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        check(deployment, VERSIONS[0])
    scaled = copy.deepcopy(of_kind(render("prod"), "ScaledObject")["renderer-batch"])
    scaled["spec"]["triggers"][0]["metadata"]["lagThreshold"] = 4
    with pytest.raises(jsonschema.ValidationError):
        check(scaled, VERSIONS[0])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_are_whole_and_stand_once(overlay: str) -> None:
    objects = render(overlay)
    keys = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(keys) == len(set(keys))
    (namespace,) = of_kind(objects, "Namespace")
    for item in objects:
        assert NAME.fullmatch(item["metadata"]["name"])
        if item["kind"] not in CLUSTER_WIDE:
            assert item["metadata"]["namespace"] == namespace


# Opens a way out that ours keep shut; test_webhooks.py renders it in an overlay of its own.
OPTIONAL = {"webhooks"}


def test_every_component_is_in_an_overlay() -> None:
    used = "".join(
        (K8S / "overlays" / name / "kustomization.yaml").read_text() for name in OVERLAYS
    )
    for folder in sorted((K8S / "components").iterdir()):
        if folder.name in OPTIONAL:
            continue
        assert f"components/{folder.name}\n" in used or f"components/{folder.name} " in used


def test_every_file_of_base_and_components_is_used() -> None:
    for kustomization in K8S.glob("*/**/kustomization.yaml"):
        text = kustomization.read_text()
        for path in kustomization.parent.rglob("*"):
            if path.is_file() and path.name != "kustomization.yaml":
                if any((p / "kustomization.yaml").exists() for p in _between(path, kustomization)):
                    continue
                assert str(path.relative_to(kustomization.parent)) in text, path


def _between(path: Any, kustomization: Any) -> list[Any]:
    """Folders under the kustomization's own that the file lies in."""
    return [p for p in path.parents if kustomization.parent in p.parents]
