#!/usr/bin/env bash
# Run by `snakemake --sdm conda` inside the new environment.
set -euo pipefail
scripts/setup.sh --here
