"""ONNX Runtime's execution providers by short names: which are installed, and which one a session really has."""

import logging
from collections.abc import Sequence

import onnxruntime

from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)

ALL = "all"
# Short names of those that compute on a GPU, which is to be lent first.
ON_GPU = ("cuda", "tensorrt", "nvtensorrtrtx")
_END = "ExecutionProvider"
_AZURE = "AzureExecutionProvider"  # calls models that lie elsewhere


def installed() -> dict[str, str]:
    """Short name -> ONNX Runtime's name of each provider that is installed and computes here."""
    names = (name for name in onnxruntime.get_available_providers() if name != _AZURE)
    return {name.removesuffix(_END).lower(): name for name in names}


def chosen(names: Sequence[str]) -> list[str]:
    """ONNX Runtime's names of some providers, each once, given by their short names; `all` is every one.

    Raises:
        UserError: one is not installed.
    """
    known = installed()
    for name in names:
        if name not in (*known, ALL):
            raise UserError(
                f"--provider {name}: the installed ONNX Runtime {onnxruntime.__version__} has {', '.join(known)}; "
                "install a build with it in place of onnxruntime (onnxruntime-gpu, onnxruntime-openvino)"
            )
    wanted = [one for name in names for one in (known if name == ALL else [name])]
    return [known[name] for name in dict.fromkeys(wanted)]


def needs_gpu(names: Sequence[str]) -> bool:
    """Whether one of the providers, given by short names, computes on a GPU."""
    return any(name in ON_GPU for name in (installed() if ALL in names else names))


def described(session: onnxruntime.InferenceSession, provider: str) -> str:
    """What a session made for `provider` computes with: the CPU in its place where it does not start."""
    got = session.get_providers()[0]
    if got == provider:
        return got.removesuffix(_END)
    LOG.warning("%s does not start on this machine; ONNX Runtime computes with %s instead", provider, got)
    return f"{got.removesuffix(_END)}, not {provider.removesuffix(_END)}"
