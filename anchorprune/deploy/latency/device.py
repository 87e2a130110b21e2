"""What a measurement ran on."""

import os
from collections.abc import Callable
from typing import Any

import onnxruntime

from anchorprune.deploy.latency.measure_table import cores, processor


def facts(threads: int, rounds: int, images: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Device, runtime, load average of the last minute (well over `threads`, times are too long), and the counts."""
    return {
        "device": f"{processor()}, {cores()} cores",
        "runtime": f"ONNX Runtime {onnxruntime.__version__}",
        "load": round(os.getloadavg()[0], 2),
        "threads": threads,
        "rounds": rounds,
        "images": images,
        "clock": clock.__name__,
    }
