#!/usr/bin/env bash
# What compiling operators for the installed torch takes: cuda_build.sh PYTHON
#
# Prints variables for the build, one NAME=VALUE a line: FORCE_CUDA=0 for a torch without CUDA, else FORCE_CUDA=1 and where
# CUDA is. Ends with status 2 and a line that says what is missing, before anything is compiled.
#   CUDA_HOME             where CUDA is. Default: where the nvcc on the PATH is from, else /usr/local/cuda
#   TORCH_CUDA_ARCH_LIST  GPUs to compile for. Default: this machine's, else what torch is built for, up to the newest
#   FORCE_CUDA=0          CPU operators for a torch with CUDA: NMS then runs on the CPU
# Without nvcc and without a GPU, as on most laptops, it chooses CPU operators by itself and says so.
set -euo pipefail
python=$1
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 2; }
without="or FORCE_CUDA=0 (operators for the CPU alone: NMS then runs there), or a torch without CUDA (README.md)"

torch=$("$python" -W ignore -c 'import torch; print(torch.__version__, torch.version.cuda or "", *torch.cuda.get_arch_list())')
read -r version cuda archs <<< "$torch"
for_cpu() {
  printf 'FORCE_CUDA=0\nCUDA_VISIBLE_DEVICES=\n' # without a GPU in sight mmcv does not choose CUDA by itself
  exit 0
}
if [ -z "$cuda" ] || [ "${FORCE_CUDA:-1}" = 0 ]; then
  for_cpu
fi

top_of() { "$1" --dryrun -c x.cu 2>&1 | sed -n 's/^#\$ TOP=//p'; } # also where nvcc is a link or a script
nvcc=${CUDA_HOME:+$CUDA_HOME/bin/nvcc}
nvcc=${nvcc:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ] && [ -z "${CUDA_HOME:-}${FORCE_CUDA:-}" ] && ! nvidia-smi -L 2> /dev/null | grep -q ^GPU; then
  printf 'setup: no GPU and no nvcc here: operators for the CPU alone. To train on GPUs elsewhere with this set-up, load CUDA %s\n' \
    "${cuda%%.*} (nvcc) and run it with FORCE_CUDA=1" >&2
  for_cpu
fi
[ -x "$nvcc" ] || fail "torch $version computes with CUDA $cuda, and mmcv's operators for it are compiled with nvcc, which" \
  "is not at $nvcc; load CUDA ${cuda%%.*} (module load cuda/$cuda) or set CUDA_HOME, $without"
found=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
[ "${found%%.*}" = "${cuda%%.*}" ] || fail "torch $version computes with CUDA $cuda, but $nvcc is of CUDA ${found:-?};" \
  "load CUDA ${cuda%%.*} or set CUDA_HOME to it, $without"
home=$(top_of "$nvcc")
home=$(cd "${home:-$(dirname "$nvcc")/..}" && pwd)

if [ -z "${TORCH_CUDA_ARCH_LIST:-}" ]; then
  TORCH_CUDA_ARCH_LIST=$({ nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null || true; } \
    | { grep -E '^[0-9]+\.[0-9]+$' || true; } | sort -u | paste -sd';')
  if [ -z "$TORCH_CUDA_ARCH_LIST" ]; then
    [[ $archs == *sm_* ]] || fail "torch $version does not say which GPUs it is for; set TORCH_CUDA_ARCH_LIST, as 8.0;9.0"
    TORCH_CUDA_ARCH_LIST=$(tr ' ' '\n' <<< "$archs" | sed -nE 's/^sm_([0-9]+)([0-9])$/\1.\2/p' | paste -sd';')+PTX
  fi
fi

# Headers that torch's own include and a toolkit need not have, from the packages that torch came with.
headers=$("$python" -W ignore -c '
import sysconfig, pathlib
print(":".join(map(str, pathlib.Path(sysconfig.get_paths()["purelib"]).glob("nvidia/*/include"))))')
include=$("$python" -W ignore -c '
import sysconfig, torch.utils.cpp_extension as c
print(" ".join(f"-I{p}" for p in [*c.include_paths(), sysconfig.get_paths()["include"]]))' 2> /dev/null)
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo '#include <ATen/cuda/CUDAContext.h>' > "$probe/headers.cpp"
export CPATH=${CPATH:+$CPATH:}$headers
${CXX:-c++} -std=c++17 $include -I"$home/include" -M "$probe/headers.cpp" > /dev/null 2> "$probe/said" \
  || fail "CUDA in $home lacks headers that torch $version needs ($(sed -n 's/.*error: //p' "$probe/said" | head -1));" \
    "install the whole CUDA toolkit, $without"
echo '__global__ void nothing() {}' > "$probe/kernel.cu"
for arch in ${TORCH_CUDA_ARCH_LIST//[; ]/ }; do
  number=$(tr -d '.' <<< "${arch%+PTX}")
  "$nvcc" -gencode "arch=compute_$number,code=sm_$number" ${CC:+-ccbin "$CC"} -c "$probe/kernel.cu" -o "$probe/kernel.o" \
    > "$probe/said" 2>&1 || fail "$nvcc cannot compile for TORCH_CUDA_ARCH_LIST's $arch ($(grep -m1 -iE 'fatal|error' \
    "$probe/said" || tail -1 "$probe/said")); change the list, or name a compiler that it takes with CC and CXX, $without"
done
printf 'FORCE_CUDA=1\nCUDA_HOME=%s\nTORCH_CUDA_ARCH_LIST=%s\nCPATH=%s\n' "$home" "$TORCH_CUDA_ARCH_LIST" "$CPATH"
