#!/usr/bin/env bash
# Runs each image as the cluster would: read-only root, no capabilities, no network. Skips, with a
# reason, where there is no podman, it can't run containers, or the images weren't built.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v podman >/dev/null || { echo "image-smoke: skipped, no podman here"; exit 0; }
for service in gateway analyzer timeline renderer; do
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "services/$service/pyproject.toml")
  image="${PREFIX:-}beatstitch-$service:$version"
  podman image exists "$image" || { echo "image-smoke: skipped, no $image: make images first"; exit 0; }
  run=(podman run --rm --read-only --read-only-tmpfs=false --tmpfs /tmp:size=64m --cap-drop=all
       --security-opt=no-new-privileges --network=none --entrypoint /opt/beatstitch/bin/python "$image")
  trouble=$("${run[@]}" -c pass 2>&1) || { echo "image-smoke: skipped, podman can't run $image here: ${trouble##*$'\n'}"; exit 0; }
  "${run[@]}" -c "import os; assert os.getuid() == 10001, os.getuid(); import beatstitch_$service.main"
  "${run[@]}" -c "import json; json.load(open('/opt/beatstitch/share/sbom.cdx.json'))"
  [[ $service != analyzer && $service != renderer ]] || "${run[@]}" -m beatstitch_media
  ! "${run[@]}" /opt/beatstitch/share/healthcheck.py || { echo "$image: healthy without a server" >&2; exit 1; }
  echo "image-smoke: $image is good"
done
