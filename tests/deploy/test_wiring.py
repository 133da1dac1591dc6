"""What an object names is there: selectors, accounts, volumes, targets."""

import pytest
from support.manifests import OVERLAYS, SERVICES, environment, matches, of_kind, pods, render

# Made by whoever runs production, see overlays/prod/kustomization.yaml.
BROUGHT = {
    "s3-gateway",
    "s3-analyzer",
    "s3-timeline",
    "s3-renderer",
    "database",
    "database-owner",
    "nats-gateway",
    "nats-analyzer",
    "nats-timeline",
    "nats-renderer",
    "nats-prepare",
    "tls-gateway",
    "tls-analyzer",
    "tls-timeline",
    "tls-renderer",
    "tls-prepare",
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_overlay_has_all_services(overlay: str) -> None:
    assert set(SERVICES) | {"prepare"} <= set(pods(render(overlay)))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_take_their_own_pods_and_no_others(overlay: str) -> None:
    objects = render(overlay)
    all_pods = pods(objects)
    for kind in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
        for name, item in of_kind(objects, kind).items():
            taken = {
                p.name for p in all_pods.values() if matches(item["spec"]["selector"], p.labels)
            }
            assert taken == {name}, kind
    for name, item in of_kind(objects, "Service").items():
        selector = {"matchLabels": item["spec"]["selector"]}
        (pod,) = [p for p in all_pods.values() if matches(selector, p.labels)]
        offered = {port["name"] for port in pod.main["ports"]}
        assert {port["targetPort"] for port in item["spec"]["ports"]} <= offered, name
    for pod in all_pods.values():
        for spread in pod.spec.get("topologySpreadConstraints", []):
            assert matches(spread["labelSelector"], pod.labels)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_service_is_spread_protected_and_ranked(overlay: str) -> None:
    objects = render(overlay)
    classes = of_kind(objects, "PriorityClass")
    for name in SERVICES:
        spec = pods(objects)[name].spec
        assert {s["topologyKey"] for s in spec["topologySpreadConstraints"]} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        budget = of_kind(objects, "PodDisruptionBudget")[name]["spec"]
        # `minAvailable: 1` of a single pod would hold up a node's drain for ever.
        assert "minAvailable" not in budget
        assert spec["priorityClassName"] in classes
    assert classes["beatstitch-batch"]["value"] < 0 < classes["beatstitch-interactive"]["value"]
    assert classes["beatstitch-batch"]["preemptionPolicy"] == "Never"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_accounts_are_there_and_hold_no_token(overlay: str) -> None:
    objects = render(overlay)
    accounts = of_kind(objects, "ServiceAccount")
    used = set()
    for name, pod in pods(objects).items():
        assert pod.spec["serviceAccountName"] == name, "one each"
        used.add(name)
    assert used == set(accounts)
    assert all(a["automountServiceAccountToken"] is False for a in accounts.values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_mounts_maps_and_secrets_exist(overlay: str) -> None:
    objects = render(overlay)
    maps, secrets = of_kind(objects, "ConfigMap"), of_kind(objects, "Secret")
    known = set(secrets) if secrets else BROUGHT
    for name, pod in pods(objects).items():
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        claims = {"data"} if pod.kind == "StatefulSet" else set()
        for container in pod.containers():
            mounts = container.get("volumeMounts", [])
            assert {mount["name"] for mount in mounts} <= set(volumes) | claims
            assert any(mount["mountPath"] == "/tmp" for mount in mounts), name  # noqa: S108
            for value in environment(objects, container).values():
                if value.startswith("secret:"):
                    secret, _, key = value.removeprefix("secret:").partition("/")
                    assert secret in known
                    if secrets:
                        assert (
                            key
                            in secrets[secret][
                                "stringData" if "stringData" in secrets[secret] else "data"
                            ]
                        )
        for volume in volumes.values():
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps
            if "secret" in volume:
                assert volume["secret"]["secretName"] in known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_waits_until_all_is_prepared(overlay: str) -> None:
    objects = render(overlay)
    for name in SERVICES:
        pod = pods(objects)[name]
        (first,) = pod.spec["initContainers"]
        assert first["image"] == pod.main["image"]
        assert first["command"][-1] == "/opt/beatstitch/share/await_ready.py"
        own, service = environment(objects, first), environment(objects, pod.main)
        assert own == {key: value for key, value in service.items() if key in own}
    job = pods(objects)["prepare"]
    (migrate,) = job.spec["initContainers"]
    assert migrate["command"][1:] == ["-m", "beatstitch_gateway.migrate"]
    assert job.main["command"][-1] == "/opt/beatstitch/share/topology.py"
    (item,) = of_kind(objects, "Job").values()
    assert item["spec"]["ttlSecondsAfterFinished"] > 0, "a Job can't be changed"


def test_what_is_scaled_is_scaled_by_one_and_has_no_number() -> None:
    objects = render("prod")
    deployments = of_kind(objects, "Deployment")
    scalers = [
        item["spec"]["scaleTargetRef"]["name"]
        for item in objects
        if item["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
    ]
    assert sorted(scalers) == sorted(SERVICES)
    for name in SERVICES:
        assert "replicas" not in deployments[name]["spec"], "an apply would reset the scaler's"


def test_cpu_is_requested_where_it_is_measured() -> None:
    objects = render("prod")
    for item in of_kind(objects, "HorizontalPodAutoscaler").values():
        target = pods(objects)[item["spec"]["scaleTargetRef"]["name"]]
        assert "cpu" in target.main["resources"]["requests"]


def test_only_batch_pieces_go_to_nodes_that_may_vanish() -> None:
    objects = render("prod")
    tolerant = {name for name, pod in pods(objects).items() if pod.spec.get("tolerations")}
    assert tolerant == {"renderer-batch"}


def test_only_the_batch_renderers_may_be_none() -> None:
    lowest = {
        name: item["spec"]["minReplicaCount"]
        for name, item in of_kind(render("prod"), "ScaledObject").items()
    }
    assert {name for name, least in lowest.items() if least == 0} == {"renderer-batch"}


def test_keda_asks_the_server_that_the_services_use() -> None:
    objects = render("prod")
    host = environment(objects, pods(objects)["gateway"].main)["BEATSTITCH_NATS_URL"]
    host = host.removeprefix("nats://").partition(":")[0]
    for item in of_kind(objects, "ScaledObject").values():
        for trigger in item["spec"]["triggers"]:
            if trigger["type"] == "nats-jetstream":
                endpoint = trigger["metadata"]["natsServerMonitoringEndpoint"]
                assert endpoint == f"{host}:8222"
                assert host.endswith(".svc.cluster.local"), "KEDA is in another namespace"
