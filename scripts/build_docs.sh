#!/usr/bin/env bash
# The documentation as a site, build/site: the guides, the tutorial and the docstrings. A warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'docs: error: %s\n' "$*" >&2; exit 2; }

wanted="mkdocs-material==9.8.2 mkdocstrings==1.0.8 mkdocstrings-python==2.0.11 mkdocs-jupyter==0.26.3"
tools=build/docs-tools
"$tools/bin/python" -c 'import mkdocs_jupyter, mkdocstrings_handlers.python, material' 2>/dev/null || {
  rm -rf "$tools"
  "${PYTHON:-python3}" -m venv "$tools"
  "$tools/bin/python" -m pip install -qq --disable-pip-version-check $wanted || fail "pip could not install $wanted"
}

# Pages lie to each other as in the project, so that their links hold in both places.
pages=build/docs
rm -rf "$pages" build/site
mkdir -p "$pages/config/splits" "$pages/reference"
cp README.md "$pages/index.md"
cp CONTRIBUTING.md CHANGELOG.md "$pages"
cp -r docs "$pages"
cp config/README.md "$pages/config"
cp config/splits/README.md "$pages/config/splits"
# Files of the project that are no pages are named without a link.
find "$pages" -name '*.md' -exec \
  sed -i -E 's#\[([^]]+)\]\((\.\./)*(anchorprune|tests|rules|scripts|profiles|bench)/[^)]*\)#\1#g' {} +

for room in anchorprune/*/; do
  name=$(basename "$room")
  [ -e "$room/__init__.py" ] && [ "$name" != commands ] || continue # a command's --help says it better
  printf '# anchorprune.%s\n\n::: anchorprune.%s\n' "$name" "$name" > "$pages/reference/$name.md"
done
NO_MKDOCS_2_WARNING=1 "$tools/bin/mkdocs" build --strict --quiet || fail "the site has warnings"
echo "docs: build/site/index.html" >&2
