#!/usr/bin/env bash
# Write requirements.lock: the newest versions that pyproject.toml allows, in a new environment.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${1:-python3}" -m venv "$folder"
# PyTorch stays pinned: the pin matches its CPU and its CUDA builds alike, whose files and
# hashes differ by platform. TORCH=torch takes the newest.
"$folder/bin/python" -m pip install -qq ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
  "${TORCH:-torch==2.13.0}" ".[book,test]"
{
  echo "# Made by \`make lock\`: what the book is built and tested with."
  "$folder/bin/python" -m pip freeze --exclude derive-train-plot | sed 's/+cpu$//'
} > requirements.lock
echo "Wrote requirements.lock: $(grep -c == requirements.lock) packages"
