#!/usr/bin/env bash
# Set up .venv-torchvision: anchorprune with torchvision's detectors, ONNX, and what their tests need. Wheels only, 6.4 GB.
# Safe to run again: what is done is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-torchvision
stamp=$venv/.anchorprune-$(cat pyproject.toml scripts/setup_torchvision.sh | cksum | cut -d' ' -f1)
[ -e "$stamp" ] && exit 0
"$venv/bin/python" -c '' 2>/dev/null || { rm -rf "$venv"; "${PYTHON:-python3}" -m venv "$venv"; }
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[torchvision,deploy,pipeline]" pytest pytest-xdist hypothesis
touch "$stamp"
