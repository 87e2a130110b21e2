"""One training in several processes: started together, joined by torch.distributed, ended together.

The processes are children of one that waits for them. None outlives it, however it ends: each watches its parent.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch
from torch import distributed

from anchorprune.errors import UserError

# Seconds that processes get to say why they end, and to end after SIGTERM.
_GRACE = 5.0


def run_ranks(target: Callable[..., None], arguments: tuple[Any, ...], count: int) -> None:
    """Call `target(*arguments)` in `count` processes of one process group (NCCL with CUDA devices, else gloo).

    Args:
        target: a function that can be imported; process 0 is to write the results.
        arguments: can be pickled.
        count: processes; with CUDA, one per visible device.

    Raises:
        UserError: what a process raised as such, or that one died; the others are ended then.
    """
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context("spawn")  # CUDA cannot be used in forked processes
    processes, reports = [], []
    try:
        for rank in range(count):
            report, sender = context.Pipe(duplex=False)
            process = context.Process(target=_rank, args=(target, arguments, rank, count, store.port, sender))
            process.start()
            sender.close()
            processes.append(process)
            reports.append(report)
        _join(processes, reports)
    finally:
        _end(processes)


def _join(processes: list[SpawnProcess], reports: list[Connection]) -> None:
    """Wait for all processes, or for the first that fails."""
    running = list(processes)
    while running:
        wait([process.sentinel for process in running])
        running = [process for process in processes if process.exitcode is None]
        failed = [process for process in processes if process.exitcode]
        if failed:
            raise UserError(_reason(reports) or _obituary(processes.index(failed[0]), failed[0].exitcode))


def _reason(reports: list[Connection]) -> str | None:
    """The first reason that a process gave; others may have died of a peer's end before it."""
    for report in wait(reports, timeout=_GRACE):
        with contextlib.suppress(EOFError):
            return report.recv()
    return None


def _obituary(rank: int, status: int) -> str:
    ended = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return f"training: process {rank} {ended}; what it printed is above (SIGKILL is often a lack of memory)"


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_GRACE)
        if process.exitcode is None:
            process.kill()
            process.join()


def _rank(
    target: Callable[..., None], arguments: tuple[Any, ...], rank: int, count: int, port: int, report: Connection
) -> None:
    """The life of one process."""
    _end_with_parent()
    sys.stdout = sys.stderr  # results are the parent's to print
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if rank == 0 else logging.ERROR, format="%(message)s")
    _join_group(rank, count, port)
    try:
        target(*arguments)
    except BaseException as error:
        _leave(error, report)
    distributed.destroy_process_group()


def _leave(error: BaseException, report: Connection) -> None:
    """End at once: a usual exit may wait for the other processes."""
    if isinstance(error, UserError):
        report.send(str(error))
    else:
        traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


def _end_with_parent() -> None:
    """End this process when its parent ends, and leave the interrupt key to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _join_group(rank: int, count: int, port: int) -> None:
    """Enter the process group; mmengine finds it, and the rank's device, by the environment."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count))
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(rank)
    store = distributed.TCPStore("127.0.0.1", port, is_master=False)
    distributed.init_process_group("nccl" if cuda else "gloo", store=store, rank=rank, world_size=count)
