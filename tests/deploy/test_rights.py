"""The development overlay's servers know the services' rights as the code has them."""

import base64
import json
import subprocess

import pytest
from support.manifests import K8S, OVERLAYS, SERVICES, environment, of_kind, pods, render

from beatstitch_runtime.rights.nats import inbox_prefix, nats_config, nats_rights
from beatstitch_runtime.rights.s3 import s3_policies
from beatstitch_stack import tools

USERS = {name: name.partition("-")[0] for name in SERVICES}


def test_nats_is_told_the_rights_of_the_code() -> None:
    kept = (K8S / "components/nats/rights.conf").read_text("utf-8")
    assert kept.partition("\n")[2] == nats_config()


def test_the_server_takes_its_configuration(tmp_path) -> None:
    maps = of_kind(render("dev"), "ConfigMap")
    (data,) = [item["data"] for item in maps.values() if "rights.conf" in item["data"]]
    for name, text in data.items():
        (tmp_path / name).write_text(text, "utf-8")
    env = {f"NATS_PASSWORD_{user.upper()}": "x" * 8 for user in nats_rights()}
    command = [str(tools.nats_server()), "-t", "-c", str(tmp_path / "nats.conf")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_bucket_has_an_identity_for_each_service_with_its_policy() -> None:
    objects = render("dev")
    secrets = of_kind(objects, "Secret")
    (config,) = [item for name, item in secrets.items() if name.startswith("s3-config")]
    told = json.loads(base64.b64decode(config["data"]["s3.json"]))
    policies = {item["name"]: json.loads(item["content"]) for item in told["policies"]}
    assert policies == s3_policies("beatstitch")
    pairs = {}
    for identity in told["identities"]:
        assert identity["policyNames"] == [identity["name"]]
        (pair,) = identity["credentials"]
        pairs[identity["name"]] = (pair["accessKey"], pair["secretKey"])
    assert len(set(pairs.values())) == len(policies)
    for user in set(USERS.values()):
        (secret,) = [item for name, item in secrets.items() if name.startswith(f"s3-{user}-")]
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        assert (data["access-key"], data["secret-key"]) == pairs[user]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_pod_listens_where_its_user_may(overlay: str) -> None:
    objects = render(overlay)
    for name, user in USERS.items():
        for container in pods(objects)[name].containers():
            told = environment(objects, container)
            assert told["BEATSTITCH_NATS_INBOX_PREFIX"] == inbox_prefix(user)
            narrow = told.get("BEATSTITCH_NATS_NARROW_RIGHTS", "false")
            assert narrow == str(user != "gateway").lower()
    told = environment(objects, pods(objects)["prepare"].main)
    assert told["BEATSTITCH_NATS_INBOX_PREFIX"] == inbox_prefix("operator")


def test_each_pod_is_its_own_user() -> None:
    objects = render("dev")
    server = environment(objects, pods(objects)["nats"].main)
    for name, user in {**USERS, "prepare": "operator"}.items():
        told = environment(objects, pods(objects)[name].main)
        assert told["BEATSTITCH_NATS_USER"] == user
        password = told["BEATSTITCH_NATS_PASSWORD"]
        assert password.startswith("secret:")
        assert password == server[f"NATS_PASSWORD_{user.upper()}"]


def test_with_tls_each_pod_has_its_own_certificate_and_where_settings_say() -> None:
    objects = render("prod-tls")
    for name, user in {**USERS, "prepare": "prepare"}.items():
        pod = pods(objects)[name]
        (volume,) = [v for v in pod.spec["volumes"] if v["name"] == "tls"]
        assert volume["secret"]["secretName"] == f"tls-{user}"
        told = environment(objects, pod.main)
        files = {key: value for key, value in told.items() if "_TLS_" in key and "/" in value}
        (mount,) = [m for m in pod.main["volumeMounts"] if m["name"] == "tls"]
        assert {value.rpartition("/")[0] for value in files.values()} == {mount["mountPath"]}
        assert {value.rpartition("/")[2] for value in files.values()} == {
            "ca.crt",
            "tls.crt",
            "tls.key",
        }
        if user in {"analyzer", "timeline", "renderer"}:
            assert told["BEATSTITCH_GRPC_TLS_CLIENT_NAMES"] == "gateway"
