# demo: set up, then run the demo. test: set up, then run the tests. Both can be run again at any time.
CORES ?= all
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: demo test lint bench setup lock clean

demo: setup
	snakemake --cores $(CORES)

test: setup
	pytest

lint: setup
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	codespell

bench: setup
	python -m bench

setup:
	@scripts/setup.sh

# After changing what is installed: record it, so that everyone gets the same.
lock:
	python -m pip freeze --all --exclude-editable | grep -v ^pip== | sed -e 's/^\(onedl-mmcv\) @.*/\1==2.3.6/' -e 's/^\(torch==[^+]*\)+.*/\1/' > requirements.lock

clean:
	rm -rf results/* .snakemake
