#!/usr/bin/env bash
# What the browser tests need beside .venv: Playwright and axe from PyPI, and the system's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'test-browser: error: %s\n' "$*" >&2; exit 2; }

python=.venv/bin/python
wanted="playwright==1.65.2 axe-playwright-python==0.1.8"
"$python" -c 'import playwright.sync_api, axe_playwright_python' 2>/dev/null ||
  "$python" -m pip install --quiet --disable-pip-version-check $wanted ||
  fail "no Playwright: pip could not install $wanted into .venv"
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
[ "$(id -u)" = 0 ] || fail "no Chromium; install it (Debian: apt-get install chromium)"
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 ||
  fail "no Chromium, and apt-get could not install it"
