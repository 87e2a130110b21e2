"""What compiling mmcv takes: the script on torch as it is installed, and on others as far as their answers go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running.command import ROOT

SCRIPT = ROOT / "scripts/cuda_build.sh"
# Answers as a torch with CUDA and nvcc give them; nvcc refuses GPUs that are older than it
PYTHON = """#!/bin/sh
case "$*" in
*torch.version.cuda*) echo "2.13.0+cu130 13.0 sm_75 sm_90" ;;
*cpp_extension*) echo -I{folder} ;;
*) echo {folder}/headers ;;
esac
"""
NVCC = """#!/bin/sh
case "$*" in
--version) echo "Cuda compilation tools, release {release}, V{release}.88" ;;
--dryrun*) echo "#\\$ TOP={folder}/cuda" >&2 ;;
*compute_70*) echo "nvcc fatal   : Unsupported gpu architecture 'compute_70'" >&2; exit 1 ;;
*) ;;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a torch for CUDA 13, and CUDA's compiler of a release; a function that asks the script."""
    for name in ("CUDA_HOME", "TORCH_CUDA_ARCH_LIST", "FORCE_CUDA", "CPATH", "CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cuda/bin").mkdir(parents=True)
    (tmp_path / "headers").mkdir()
    (tmp_path / "ATen/cuda").mkdir(parents=True)
    (tmp_path / "ATen/cuda/CUDAContext.h").write_text("#include <cusparse.h>\n")

    def ask(release="13.0", header=True, **environment):
        python, nvcc = tmp_path / "python", tmp_path / "cuda/bin/nvcc"
        python.write_text(PYTHON.format(folder=tmp_path))
        nvcc.write_text(NVCC.format(folder=tmp_path, release=release))
        for file in (python, nvcc):
            file.chmod(0o755)
        if header:
            (tmp_path / "headers/cusparse.h").touch()
        environment = {"CUDA_HOME": str(tmp_path / "cuda"), **environment}
        return run(python, **environment)

    return ask


def run(python, **environment):
    """The script's status, the variables it gives, and what it says."""
    done = subprocess.run(
        [SCRIPT, str(python)], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    return done.returncode, dict(line.split("=", 1) for line in done.stdout.splitlines()), done.stderr


def test_a_torch_with_cuda(machine, tmp_path):
    status, given, said = machine()
    assert (status, given["FORCE_CUDA"], given["CUDA_HOME"]) == (0, "1", str(tmp_path / "cuda")), said
    assert given["TORCH_CUDA_ARCH_LIST"] == "7.5;9.0+PTX"
    assert str(tmp_path / "headers") in given["CPATH"].split(":")
    assert machine(TORCH_CUDA_ARCH_LIST="8.0;8.6+PTX")[1]["TORCH_CUDA_ARCH_LIST"] == "8.0;8.6+PTX"
    assert machine(FORCE_CUDA="0", release="11.8")[:2] == (0, {"FORCE_CUDA": "0", "CUDA_VISIBLE_DEVICES": ""})


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"CUDA_HOME": "/nowhere"}, "nvcc, which is not at /nowhere/bin/nvcc; load CUDA 13 (module load cuda/13.0)"),
        ({"release": "12.4"}, "computes with CUDA 13.0, but"),
        ({"header": False}, "lacks headers that torch 2.13.0+cu130 needs (cusparse.h: No such file or directory)"),
        (
            {"TORCH_CUDA_ARCH_LIST": "7.0;8.0"},
            "TORCH_CUDA_ARCH_LIST's 7.0 (nvcc fatal   : Unsupported gpu architecture",
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_is_compiled(machine, change, line):
    status, given, said = machine(**change)
    assert (status, given) == (2, {})
    assert said.startswith("setup: error: ")
    assert line in said
    assert said.count("\n") == 1
    assert "FORCE_CUDA=0" in said


def test_a_laptop_without_gpu_gets_operators_for_the_cpu(machine, monkeypatch, tmp_path):
    """PyPI's torch has CUDA everywhere; who has no GPU need not know of nvcc."""
    (tmp_path / "tools").mkdir()
    for name in ("bash", "env", "grep", "sh"):
        (tmp_path / "tools" / name).symlink_to(shutil.which(name))
    alone = {"CUDA_HOME": "", "PATH": str(tmp_path / "tools")}
    status, given, said = machine(**alone)
    if Path("/usr/local/cuda/bin/nvcc").exists():
        pytest.skip("nvcc is here")
    assert (status, given["FORCE_CUDA"]) == (0, "0")
    assert said.startswith("setup: no GPU and no nvcc here: operators for the CPU alone.")
    assert machine(**alone, FORCE_CUDA="1")[0] == 2
    smi = tmp_path / "tools/nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: a GPU (UUID: GPU-a)'\n")
    smi.chmod(0o755)
    status, given, said = machine(**alone)
    assert (status, given) == (2, {})
    assert "nvcc, which is not at /usr/local/cuda/bin/nvcc" in said


@pytest.mark.detectors
def test_the_torch_that_is_here():
    import torch

    status, given, said = run(sys.executable)
    if torch.version.cuda is None:
        assert (status, given) == (0, {"FORCE_CUDA": "0", "CUDA_VISIBLE_DEVICES": ""}), said
    else:
        assert status == 0 or "setup: error: " in said


@pytest.mark.long
@pytest.mark.detectors
def test_operators_for_the_cpu_do_not_do_for_a_torch_with_cuda(tmp_path):
    """The mmcv that is here is left as it is; beside a torch that says it has CUDA it is not, and nvcc is missed."""
    import torch

    if torch.version.cuda is not None:
        pytest.skip("torch has CUDA here")
    (tmp_path / "sitecustomize.py").write_text("import torch\ntorch.version.cuda = '13.0'\n")
    version = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import version; print(version('onedl-mmcv'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    command = [ROOT / "scripts/build_mmcv.sh", sys.executable, f"onedl-mmcv=={version}", tmp_path, tmp_path / "log"]
    given = {**os.environ, "CUDA_HOME": "/nowhere"}
    for folder, status, line in (("", 0, ""), (str(tmp_path), 2, "nvcc, which is not at /nowhere/bin/nvcc")):
        done = subprocess.run(command, capture_output=True, text=True, env={**given, "PYTHONPATH": folder}, check=False)
        assert done.returncode == status, done.stderr
        assert line in done.stderr
        assert not (tmp_path / "wheels").exists()
