# demo: set up, then run the demo. test: set up, then run the tests. Both can be run again at any time.
# test-core: what needs no torch, in a virtual environment that has the core alone; 2 minutes.
# test-large: the biggest detectors on real images at full input size, 25 minutes on two cores.
CORES ?= all
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: demo test test-core test-large lint bench setup lock clean

demo: setup
	snakemake --cores $(CORES)

test: setup
	pytest

test-core: setup
	pytest -m core tests/core

test-large: setup
	pytest -m large

lint: setup
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	codespell
	lint-imports

bench: setup
	python -m bench

setup:
	@scripts/setup.sh

# After changing what is installed: record it, so that everyone gets the same.
lock:
	python -m pip freeze --all --exclude-editable | grep -v ^pip== | sed -e 's/^\(onedl-mmcv\) @.*/\1==2.3.6/' -e 's/^\(torch==[^+]*\)+.*/\1/' > requirements.lock

clean:
	rm -rf results/* .snakemake
