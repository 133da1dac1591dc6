"""Pod Security "restricted" and our own rules: rights, images, secrets, who may talk to whom."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.manifests import (
    OVERLAYS,
    SERVICES,
    Manifest,
    Pod,
    environment,
    matches,
    of_kind,
    pods,
    render,
)

RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
VERSION = re.compile(r":v?\d[\w.-]*$")


def faults(pod: Pod) -> Iterator[str]:
    """What the standard "restricted" refuses about a pod, and what we refuse besides."""
    yield from faults_of_pod(pod.spec)
    for volume in pod.spec.get("volumes", []):
        if not set(volume) - {"name"} <= RESTRICTED_VOLUMES:
            yield f"volume {volume['name']}"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} has no limit"
    for container in pod.containers():
        for fault in faults_of_container(container):
            yield f"{container['name']} {fault}"


def faults_of_pod(spec: dict[str, Any]) -> Iterator[str]:
    context = spec.get("securityContext", {})
    if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares the node's namespaces"
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"
    if {"sysctls", "appArmorProfile", "seLinuxOptions"} & context.keys():
        yield "sets what the node decides"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a token of the Kubernetes API"
    if spec.get("enableServiceLinks") is not False:
        yield "gets every Service's address as variables"


def faults_of_container(container: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    if own.get("privileged") is not False or own.get("allowPrivilegeEscalation") is not False:
        yield "may gain rights"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"
    if {"runAsUser", "runAsNonRoot", "seccompProfile", "procMount"} & own.keys():
        yield "overrides the pod's rules"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of the node"
    resources = container.get("resources", {})
    if not {"memory", "ephemeral-storage"} <= resources.get("limits", {}).keys():
        yield "has no limit of memory or disk"
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
        yield "asks for nothing"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted(overlay: str) -> None:
    for pod in pods(render(overlay)).values():
        assert not list(faults(pod)), pod.name


def test_the_rules_see_faults() -> None:
    pod = pods(render("prod"))["renderer-batch"]
    pod.spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}})
    pod.main["securityContext"]["allowPrivilegeEscalation"] = True
    del pod.spec["securityContext"]["seccompProfile"]
    assert len(list(faults(pod))) == 3


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_enforces_it(overlay: str) -> None:
    (namespace,) = of_kind(render(overlay), "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_our_images_run_as_their_own_user(overlay: str) -> None:
    for name, pod in pods(render(overlay)).items():
        if name in {*SERVICES, "prepare"}:
            context = pod.spec["securityContext"]
            assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_pinned(overlay: str) -> None:
    for pod in pods(render(overlay)).values():
        for container in pod.containers():
            image = container["image"]
            assert DIGEST.search(image) or VERSION.search(image), image
            assert "latest" not in image


def secrets_of(pod: Pod, objects: list[Manifest]) -> set[str]:
    """Secrets a pod's containers get, by the name that the author wrote."""
    found = set()
    for container in pod.containers():
        for value in environment(objects, container).values():
            if value.startswith("secret:"):
                found.add(value.removeprefix("secret:").partition("/")[0])
    for volume in pod.spec.get("volumes", []):
        if "secret" in volume:
            found.add(volume["secret"]["secretName"])
    return found


def test_nobody_holds_a_credential_that_is_not_its_own() -> None:
    objects = render("prod")
    found = {name: secrets_of(pod, objects) for name, pod in pods(objects).items()}
    assert found == {
        "gateway": {"s3-gateway", "database", "nats-gateway"},
        "analyzer": {"s3-analyzer", "nats-analyzer"},
        "timeline": {"s3-timeline", "nats-timeline"},
        "renderer-interactive": {"s3-renderer", "nats-renderer"},
        "renderer-coordinator": {"s3-renderer", "nats-renderer"},
        "renderer-batch": {"s3-renderer", "nats-renderer"},
        "prepare": {"database-owner", "nats-prepare"},
        "backup": {"s3-gateway", "database"},
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_gateway_knows_the_database(overlay: str) -> None:
    objects = render(overlay)
    for name, pod in pods(objects).items():
        knows = any("BEATSTITCH_DATABASE_URL" in environment(objects, c) for c in pod.containers())
        assert knows == (name in {"gateway", "prepare", "backup", "retention"})


def test_production_holds_no_secret() -> None:
    """They are there before; what stands in git is no secret."""
    objects = render("prod")
    assert not of_kind(objects, "Secret")
    for item in of_kind(objects, "ConfigMap").values():
        for name, value in item["data"].items():
            assert not re.search(r"KEY|SECRET|PASSWORD|DATABASE_URL", name), name
            assert not re.search(r"://[^/\s]*:[^/\s]*@", value), name


def test_production_keeps_strangers_files_apart_or_not_at_all() -> None:
    objects = render("prod")
    for name in ("analyzer", "renderer-interactive", "renderer-coordinator", "renderer-batch"):
        assert environment(objects, pods(objects)[name].main)["BEATSTITCH_SANDBOX"] == "require"


# Who may talk to whom.


def policies(objects: list[Manifest]) -> list[Manifest]:
    return list(of_kind(objects, "NetworkPolicy").values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_has_a_policy_of_its_own(overlay: str) -> None:
    objects = render(overlay)
    everybody = [p["spec"] for p in policies(objects) if p["spec"]["podSelector"] == {}]
    closed = [s for s in everybody if set(s["policyTypes"]) == {"Ingress", "Egress"}]
    assert any("ingress" not in s and "egress" not in s for s in closed), "deny all"
    for pod in pods(objects).values():
        own = [
            p
            for p in policies(objects)
            if p["spec"]["podSelector"] and matches(p["spec"]["podSelector"], pod.labels)
        ]
        assert any(set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} for p in own), pod.name


def peer_takes(peer: dict[str, Any], other: Pod) -> bool:
    """Whether a peer of a rule takes a pod of our own namespace."""
    return (
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and matches(peer["podSelector"], other.labels)
    )


def open_ports(objects: list[Manifest], one: Pod, other: Pod, way: str) -> set[int]:
    """Ports that the policies of `one` open to (or from) `other`."""
    key, side = ("egress", "to") if way == "out" else ("ingress", "from")
    found: set[int] = set()
    for policy in policies(objects):
        if not matches(policy["spec"]["podSelector"], one.labels):
            continue
        for rule in policy["spec"].get(key) or []:
            assert rule.get(side), "a rule without peers is open to the world"
            assert rule.get("ports"), "a rule without ports opens all"
            if any(peer_takes(peer, other) for peer in rule[side]):
                found |= {port["port"] for port in rule["ports"]}
    return found


def test_who_may_talk_to_whom() -> None:
    objects = render("dev")
    all_pods = pods(objects)
    found = {}
    for one in all_pods.values():
        for other in all_pods.values():
            both = open_ports(objects, one, other, "out") & open_ports(objects, other, one, "in")
            for port in both:
                found.setdefault(one.name, set()).add((other.name, port))
    queue, bucket, database = ("nats", 4222), ("s3", 8333), ("postgres", 5432)
    engines = {(name, 50051) for name in ("analyzer", "timeline", "renderer-interactive")}
    assert found == {
        "gateway": {queue, bucket, database} | engines,
        "prepare": {queue, database},
        "backup": {bucket, database},
        "retention": {bucket, database},
        **{name: {queue, bucket} for name in SERVICES if name != "gateway"},
    }


def test_who_is_reached_from_outside() -> None:
    """Only the gateway and (for links) the bucket by clients; a metrics page by Prometheus."""
    objects = render("prod")
    reached = set()
    for policy in policies(objects):
        for rule in policy["spec"].get("ingress") or []:
            for peer in rule["from"]:
                label = peer.get("namespaceSelector", {}).get("matchLabels", {})
                reached |= {(policy["metadata"]["name"], key) for key in label}
    assert reached == {
        ("gateway", "beatstitch.dev/clients"),
        ("s3", "beatstitch.dev/clients"),
        ("nats", "kubernetes.io/metadata.name"),
        ("metrics", "beatstitch.dev/scrapes"),
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_reaches_the_world(overlay: str) -> None:
    for policy in policies(render(overlay)):
        for rule in policy["spec"].get("egress") or []:
            for peer in rule["to"]:
                block = peer.get("ipBlock", {}).get("cidr", "")
                assert not block.endswith("/0")
                assert peer.get("namespaceSelector", None) != {}, "every namespace"
