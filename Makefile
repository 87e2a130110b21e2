# demo: set up, then run the demo. test: set up, then run the tests. Both can be run again at any time.
# test-fast: the tests that need no torch, within a minute: at every save.
# test-core: what needs no torch, in a virtual environment that has the core alone; 2 minutes.
# test-long: whole pipelines of mmdet detectors, interrupted trainings, what an edit runs again; with all of test-large.
# test-large: the bigger detectors on real images, most at full input size.
# test-cluster: the pipeline on a Slurm of one node, which it installs and starts; Debian, as root, minutes.
# test-grid-engine: the same on a Grid Engine of one node; Debian, as root, four minutes.
# test-browser: the report's page in Chromium, a minute or two; installs Playwright, and as root Chromium.
# test-runtimes: exported models in OpenVINO, OpenCV 4 and 5 and others, which it installs into .runtimes; minutes.
# test-faults: the pipeline killed, its disk full, its files damaged, and started again.
# test-torchvision: detectors of torchvision, in .venv-torchvision, which it makes (6.4 GB); minutes.
# test-gpu: SSD300 trained and evaluated on a GPU, against the CPU; skipped without one.
# test-release: wheel and sdist, built and installed in empty environments, where the core works without torch.
# picture: docs/page.webp, the page of results/report in Chromium, for the README.
# docs: the guides and docstrings as a site, build/site; a warning is an error. Both fetch their tools from PyPI.
CORES ?= all
# As many workers as cores; a file's tests on one of them, what takes long first (tests/running/selection.py).
PYTEST := pytest -n auto --dist loadfile --no-loadscope-reorder
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: demo test test-fast test-core test-long test-large test-browser test-cluster test-grid-engine test-faults test-gpu test-runtimes \
  test-torchvision test-release docs lint bench picture setup lock clean

demo: setup
	snakemake --cores $(CORES)

test: setup
	$(PYTEST)

test-fast: setup
	$(PYTEST) --without-torch -m "not pipeline and not core and not large and not long and not slow and not browser and not cluster and not faults and not gpu and not runtimes and not torchvision"

test-core: setup
	pytest -m core tests/core

test-long: setup
	$(PYTEST) -m "long or large"

test-large: setup
	$(PYTEST) -m large

test-cluster: setup
	scripts/slurm_single_node.sh install
	pytest -m cluster tests/cluster/test_slurm.py

test-grid-engine: setup
	scripts/grid_engine_single_node.sh install
	pytest -m cluster tests/cluster/test_grid_engine.py

test-browser: setup
	scripts/setup_browser.sh
	pytest -m browser tests/browser

test-faults: setup
	pytest -m faults tests/workflow/test_faults.py tests/test_two_processes.py

test-runtimes: setup
	scripts/setup_runtimes.sh
	pytest -m runtimes tests/runtimes tests/onnx_backend

test-torchvision:
	scripts/setup_torchvision.sh
	.venv-torchvision/bin/python -m pytest -m torchvision tests/torchvision_backend

test-gpu: setup
	pytest -m gpu tests/test_gpu.py -s

test-release:
	scripts/check_release.sh

docs:
	scripts/build_docs.sh

lint: setup
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	codespell
	lint-imports

bench: setup
	python -m bench

picture: setup
	scripts/setup_browser.sh
	python scripts/picture_of_page.py results/report/index.html docs/page.webp

setup:
	@scripts/setup.sh

# After changing what is installed: record it, so that everyone gets the same.
lock:
	python -m pip freeze --all --exclude-editable | grep -v ^pip== | sed -e 's/^\(onedl-mmcv\) @.*/\1==2.3.6/' -e 's/^\(torch==[^+]*\)+.*/\1/' > requirements.lock

clean:
	rm -rf results/* .snakemake
