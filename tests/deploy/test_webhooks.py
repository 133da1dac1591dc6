"""The component that lets webhooks out opens the way to public addresses, and no other."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.manifests import K8S

from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.webhooks.addresses import may_connect

INSIDE = [
    "10.1.2.3",
    "100.100.100.200",
    "127.0.0.1",
    "169.254.169.254",
    "172.20.0.1",
    "192.0.0.192",
]
INSIDE += ["192.168.1.1", "198.19.0.1", "224.0.0.1", "255.255.255.255", "fd00::1", "fe80::1", "::1"]
INSIDE += ["2002:a00:1::1", "64:ff9b::a00:1"]
OUTSIDE = ["1.1.1.1", "93.184.216.34", "2606:4700::1111"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The base with the component."""
    folder = tmp_path_factory.mktemp("overlay") / "k8s"
    shutil.copytree(K8S, folder)
    overlay = folder / "overlays" / "webhooks"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "resources: [../../base]\ncomponents: [../../components/webhooks]\n"
    )
    kubectl = Path(sys.executable).parent / "kubectl"
    done = subprocess.run(
        [str(kubectl) if kubectl.exists() else "kubectl", "kustomize", str(overlay)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_only_to_public_addresses(objects: list[dict[str, Any]]):
    (policy,) = [o for o in objects if o["metadata"]["name"] == "gateway-webhooks"]
    (rule,) = policy["spec"]["egress"]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]

    def is_open(text: str) -> bool:
        address = ipaddress.ip_address(text)
        return any(
            address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
            and not any(
                address in ipaddress.ip_network(block)
                for block in peer["ipBlock"].get("except", [])
            )
            for peer in rule["to"]
        )

    for text in OUTSIDE:
        assert is_open(text)
        assert may_connect(text, ())
    for text in INSIDE:
        assert not is_open(text), text
        assert not may_connect(text, ()), text


def test_keys_come_by_reference(objects: list[dict[str, Any]]):
    (gateway,) = [
        o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == "gateway"
    ]
    (container,) = gateway["spec"]["template"]["spec"]["containers"]
    (entry,) = [e for e in container["env"] if "WEBHOOK" in e["name"]]
    assert entry["valueFrom"] == {"secretKeyRef": {"name": "webhook-keys", "key": "keys"}}
    assert entry["name"].removeprefix("BEATSTITCH_").lower() in GatewaySettings.model_fields
