#!/usr/bin/env bash
# Builds the four images with docker or podman.
# BASE_IMAGE: a Python 3.11 slim image with its digest (NAME@sha256:…). PIP_INDEX_URL: the package
# index, pip's own default when not set. PREFIX: what comes before "beatstitch-gateway:VERSION".
# EXTRAS: "[madmom]" for the analyzer with the networks.
set -euo pipefail
cd "$(dirname "$0")/../.."
[[ ${BASE_IMAGE:-} =~ @sha256:[0-9a-f]{64}$ ]] || {
  echo "set BASE_IMAGE to a Python 3.11 slim image with its digest: BASE_IMAGE=NAME@sha256:… make images" >&2
  exit 2
}
engine=${ENGINE:-$(command -v podman || command -v docker || true)}
[[ -n $engine ]] || { echo "neither podman nor docker is here" >&2; exit 2; }
args=(--build-arg "BASE_IMAGE=$BASE_IMAGE" --build-arg "REVISION=$(git rev-parse HEAD)"
      --build-arg "CREATED=$(git log -1 --format=%cI)")
[[ -z ${PIP_INDEX_URL:-} ]] || args+=(--build-arg "PIP_INDEX_URL=$PIP_INDEX_URL")
# OCI's own format has no HEALTHCHECK; docker's has, and podman writes it when asked.
[[ $(basename "$engine") != podman ]] || args+=(--format docker)
for service in gateway analyzer timeline renderer; do
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "services/$service/pyproject.toml")
  own=("${args[@]}" --build-arg "VERSION=$version")
  [[ $service != analyzer ]] || own+=(--build-arg "EXTRAS=${EXTRAS:-}")
  "$engine" build "${own[@]}" -f "deploy/images/$service.Dockerfile" -t "${PREFIX:-}beatstitch-$service:$version" .
done
