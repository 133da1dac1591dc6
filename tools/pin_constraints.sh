#!/usr/bin/env bash
# Writes constraints.txt: what a fresh environment resolves to, without our own distributions.
# Only names and versions go in, so no registry's address can.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
pip="$scratch/venv/bin/python -m pip --disable-pip-version-check -q"
$pip install --upgrade pip
$pip install --group build
rooms=()
for room in libs/* services/*; do
  case $room in
    services/analyzer) rooms+=(-e "./$room[madmom]") ;;
    libs/client) rooms+=(-e "./$room[stack]") ;;
    *) rooms+=(-e "./$room") ;;
  esac
done
PATH="$scratch/venv/bin:$PATH" $pip install --group dev --group sbom --no-build-isolation "${rooms[@]}"
{
  echo "# Made by \`make constraints\`: what every environment installs, to the version."
  $pip freeze --all --exclude-editable | grep -vE '^(beatstitch|-e|setuptools)' | grep -E '^[A-Za-z0-9._-]+==' | sort -f
} > constraints.txt
