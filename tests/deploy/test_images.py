"""The Dockerfiles are read, not built: what each one installs, runs as, and never names."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "deploy/images"
SERVICES = ("gateway", "analyzer", "timeline", "renderer")
# "quay.io/x", "host.example:5000/x": a first part with a dot or a port is a host.
HOST = re.compile(r"(?<![\w/@.])[a-z0-9-]+(\.[a-z0-9-]+)*\.(io|com|org|dev|net|cloud)\b|https?://")
NAMESPACES = ("org.opencontainers.image",)


def instructions(service: str) -> list[tuple[str, str]]:
    """(instruction, its words) of a Dockerfile, line ends joined, comments gone."""
    text = (IMAGES / f"{service}.Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.split(None, 1)[1]) for line in joined.splitlines() if line]


def stages(service: str) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for step in instructions(service):
        if step[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(step)
    return found


def rooms() -> dict[str, Path]:
    """Our distributions: name → folder relative to the root."""
    found = {}
    for folder in (*ROOT.glob("libs/*"), *ROOT.glob("services/*")):
        if (folder / "pyproject.toml").is_file():
            project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
            found[project["name"]] = folder.relative_to(ROOT)
    return found


def needs(name: str) -> set[str]:
    """Our distributions that one of them needs, itself included."""
    known, found, todo = rooms(), set(), [name]
    while todo:
        one = todo.pop()
        if one in found or one not in known:
            continue
        found.add(one)
        project = tomllib.loads((ROOT / known[one] / "pyproject.toml").read_text())["project"]
        todo += [Requirement(line).name for line in project["dependencies"]]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_only_its_own_distributions_go_in(service: str) -> None:
    known = rooms()
    wanted = {str(known[name]) for name in needs(f"beatstitch-{service}")}
    copied = {words.split()[0] for kind, words in stages(service)[0] if kind == "COPY"}
    assert {path for path in copied if path.startswith(("libs/", "services/"))} == wanted
    (wheel,) = [w for k, w in stages(service)[0] if k == "RUN" and "pip wheel" in w]
    assert {word[2:] for word in wheel.split() if word.startswith("./")} == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_ffmpeg_only_where_it_is_used(service: str) -> None:
    text = (IMAGES / f"{service}.Dockerfile").read_text()
    assert ("beatstitch_media" in text) == ("beatstitch-media" in needs(f"beatstitch-{service}"))


@pytest.mark.parametrize("service", SERVICES)
def test_what_runs_is_the_last_stage_alone(service: str) -> None:
    last = stages(service)[-1]
    words = {kind: text for kind, text in last if kind != "ARG"}
    assert "RUN" not in words, "nothing is installed or made in the image that runs"
    assert words["COPY"] == "--from=installed /opt/beatstitch /opt/beatstitch"
    assert words["USER"] == "10001:10001"
    assert words["ENTRYPOINT"] == f'["/opt/beatstitch/bin/python", "-m", "beatstitch_{service}"]'
    assert "/opt/beatstitch/share/healthcheck.py" in words["HEALTHCHECK"]
    assert '["' in words["HEALTHCHECK"], "no shell"
    for label in ("title", "description", "version", "revision", "created"):
        assert f"org.opencontainers.image.{label}=" in words["LABEL"]
    # Without it the working folder is a source root, and those are open to what decodes files.
    assert "PYTHONSAFEPATH=1" in words["ENV"]


@pytest.mark.parametrize("service", SERVICES)
def test_bases_and_hosts_come_by_argument(service: str) -> None:
    steps = instructions(service)
    froms = [words.split()[0] for kind, words in steps if kind == "FROM"]
    assert froms == ["${BASE_IMAGE}", "wheels", "${BASE_IMAGE}"]
    assert steps[0] == ("ARG", "BASE_IMAGE"), "no default: the builder names it, with its digest"
    assert ("ARG", "PIP_INDEX_URL") in steps


def test_no_file_names_a_host() -> None:
    for path in sorted(IMAGES.rglob("*")):
        if not path.is_file() or "__pycache__" in path.parts:
            continue
        text = path.read_text()
        for name in NAMESPACES:
            text = text.replace(name, "")
        assert not HOST.search(text), f"{path.name}: {HOST.search(text)}"


@pytest.mark.parametrize("service", SERVICES)
def test_everything_third_party_is_pinned_and_ready_made(service: str) -> None:
    for kind, words in instructions(service):
        if kind != "RUN":
            continue
        for command in words.split("&&"):
            if re.search(r"\bpip\b.*\binstall\b", command):
                assert "-c constraints.txt" in command
                assert "--only-binary=:all:" in command, "no compiler is there to need"


def test_our_own_wheels_are_named_by_file() -> None:
    """Else an index that has a "beatstitch-core" with a higher number would be believed."""
    for service in SERVICES:
        (step,) = [w for k, w in stages(service)[1] if k == "RUN" and "--without-pip" in w]
        install = step.partition(" install ")[2]
        assert "/wheels/" in install
        assert "--find-links" not in install
        assert not re.search(r"(?<![/_*])\bbeatstitch-", install)


def test_the_tools_of_images_are_pinned() -> None:
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for line in (*groups["build"], *groups["sbom"], *groups["dev"]):
        assert Requirement(line).name.lower() in pinned, line


def test_the_builder_gets_what_is_copied_and_little_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignore[1] == "*"
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    for service in SERVICES:
        for stage in stages(service)[:2]:
            for kind, words in stage:
                if kind == "COPY":
                    for source in words.split()[:-1]:
                        assert any(source == a or source.startswith(f"{a}/") for a in allowed)
