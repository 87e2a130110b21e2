#!/usr/bin/env bash
# Is this fit to be released? Builds wheel and sdist, has twine look at them, and installs each in an empty environment:
# the core alone, without torch, at most 700 MB, which scores predictions and names the commit it was built from.
#   scripts/check_release.sh [FOLDER]    FOLDER gets wheel and sdist
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
unset PYTHONPATH # or the empty environments would not be
fail() { printf 'release: error: %s\n' "$*" >&2; exit 1; }
say() { printf 'release: %s\n' "$*" >&2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dist=${1:-$work/dist}
python=$(command -v "${PYTHON:-python3}") || fail "no Python; install Python 3.11"
commit=$(git rev-parse HEAD)$(git diff --quiet HEAD || echo -dirty)
"$python" -m venv "$work/tools"
"$work/tools/bin/python" -m pip install -qq --disable-pip-version-check build twine
"$work/tools/bin/python" -m build --outdir "$dist" . > "$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; fail "cannot build"; }
"$work/tools/bin/twine" check --strict "$dist"/* >&2

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
for archive in "$dist/anchorprune-$version-py3-none-any.whl" "$dist/anchorprune-$version.tar.gz"; do
  [ -e "$archive" ] || fail "no $archive"
  name=$(basename "$archive")
  "$python" -m venv "$work/empty"
  at=$work/empty/bin
  "$at/python" -m pip install -qq --disable-pip-version-check -c requirements.lock "$archive"
  "$at/python" -m pip --disable-pip-version-check check >&2
  cd "$work" # where the sources are not
  "$at/python" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is not None)' || fail "$name brings torch"
  said=$("$at/anchorprune" --version)
  [ "$said" = "anchorprune $version ($commit)" ] || fail "$name says '$said', and is version $version of $commit"
  "$at/anchorprune" dataset scenes --train 1 --prune 150 --test 1 --output scenes > /dev/null
  "$at/anchorprune" score "$root/docs/tutorial-predictions.parquet" scenes/prune.json | grep -q '"ap": 0\.537499' ||
    fail "$name does not score docs/tutorial-predictions.parquet as it should"
  cd "$root"
  size=$(du -sm "$work"/empty/lib | cut -f1)
  say "$name: installed with what it needs $size MB"
  [ "$size" -le 700 ] || fail "$name with what it needs takes $size MB, more than 700"
  rm -rf "$work/empty" "$work/scenes"
done
