"""Training by torchvision's own losses: deterministic, and resumable after each epoch."""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from anchorprune.detectors.folder import NAME, TRAINING
from anchorprune.detectors.torchvision.architectures import ARCHITECTURES
from anchorprune.detectors.torchvision.examples import Examples
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families.registry import family_of
from anchorprune.detectors.torchvision.folder import write_folder
from anchorprune.detectors.torchvision.weights import WEIGHTS, load_state, read_state, save_state
from anchorprune.detectors.training import Recipe, Schedule, Training
from anchorprune.errors import UserError
from anchorprune.files import hold_lock, read_json, write_json
from anchorprune.heads.head import Head
from anchorprune.progress_bar import progress_bar
from anchorprune.provenance import digest

LOG = logging.getLogger(__name__)

_EPOCHS = 60
_WARM_UP = 300  # iterations at the most, a tenth of the training's
_LONGEST_STEP = 10.0  # norm of the gradient
_NOT_OURS = ("workers", "amp", "backbone_weights", "anchor_dropout")


@dataclass(frozen=True)
class Plan:
    """How a network is trained: SGD, whose rate rises over the warm-up and falls to nought by a cosine."""

    epochs: int
    batch_size: int
    learning_rate: float
    iterations: int | None

    def rate(self, iteration: int, whole: int) -> float:
        """The learning rate of an iteration of `whole`."""
        warm = min(_WARM_UP, whole // 10)
        if iteration < warm:
            return self.learning_rate * (iteration + 1) / warm
        return self.learning_rate * (1 + math.cos(math.pi * (iteration - warm) / (whole - warm))) / 2


def plan_of(recipe: Recipe, architecture: str) -> Plan:
    """A recipe's plan.

    Raises:
        UserError: it asks for what this training has not.
    """
    for key in _NOT_OURS:
        if getattr(recipe, key) not in (None, "none"):
            raise UserError(f"{key}: the training of torchvision's detectors has no such choice; leave it out")
    usual = ARCHITECTURES[architecture]
    batch, base = recipe.batch_size or usual.batch_size, recipe.base_batch_size or usual.batch_size
    rate = (recipe.learning_rate or usual.learning_rate) * batch / base
    return Plan((recipe.epochs or _EPOCHS) * (recipe.repeats or 1), batch, rate, recipe.iterations)


def train(facts: Facts, head: Head, initial: Path | None, training: Training) -> Schedule:
    """Train a head's network from scratch or from weights, and write its folder with `training.json`.

    A training that was killed goes on from its last whole epoch, with the result it would have had.

    Raises:
        UserError: a loss that is no number, classes other than the detector's, or weights that do not fit.
    """
    if training.classes != facts.classes:
        raise UserError(
            f"{training.annotations}: its categories {list(training.classes)} are not the detector's "
            f"{list(facts.classes)}; use the annotations the detector is of"
        )
    plan, output, work = plan_of(training.recipe, facts.architecture), training.output, training.output / "checkpoints"
    identity = _identity(facts, head, plan, initial, training)
    schedule = Schedule(plan.epochs, plan.iterations)
    output.mkdir(parents=True, exist_ok=True)
    lock = hold_lock(output / ".training.lock", wait=True)
    try:
        if all((output / name).is_file() for name in (NAME, WEIGHTS)) and _is_of(output / TRAINING, identity):
            LOG.info("%s: this training is finished already", output)
            return schedule
        if not _is_of(work / TRAINING, identity):
            shutil.rmtree(work, ignore_errors=True)
            write_json(work / TRAINING, identity)
        torch.set_num_threads(training.threads)
        torch.manual_seed(training.seed)
        model = family_of(facts.architecture).build(facts, head, random=True)
        if initial is not None:
            load_state(model, read_state(initial), initial)
        _run(model, plan, Examples(training.annotations, training.images, facts.labels), training.seed, work)
        write_folder(output, facts, head, model.state_dict())
        write_json(output / TRAINING, identity)
        shutil.rmtree(work)
    finally:
        lock.release()
    return schedule


def _run(model: nn.Module, plan: Plan, examples: Examples, seed: int, work: Path) -> None:
    """Train a network in place."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    model.to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), plan.learning_rate, momentum=0.9, weight_decay=5e-4)
    in_epoch = examples.count(plan.batch_size)
    whole, begun = in_epoch * plan.epochs, _resume(model, optimizer, work)
    last = min(whole, plan.iterations or whole)
    with progress_bar(total=last, title="train", unit="iteration") as bar:
        bar.update(min(begun * in_epoch, last))
        for epoch in range(begun, -(-last // in_epoch)):
            torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed} {epoch}".encode()).digest()[:7]))
            loss = None
            for number, (images, targets) in enumerate(examples.batches(plan.batch_size), epoch * in_epoch):
                if number == last:
                    break
                for group in optimizer.param_groups:
                    group["lr"] = plan.rate(number, whole)
                targets = [{key: value.to(device) for key, value in target.items()} for target in targets]
                loss = _step(model, optimizer, [image.to(device) for image in images], targets)
                if not math.isfinite(loss):
                    raise UserError(f"the loss is {loss} at epoch {epoch + 1}; give a lower learning rate")
                bar.update(1)
            LOG.info("epoch %d of %d: loss %.4f", epoch + 1, plan.epochs, loss)
            _keep(model, optimizer, epoch + 1, work)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, images: list, targets: list) -> float:
    loss = sum(model(images, targets).values())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _LONGEST_STEP)
    optimizer.step()
    return float(loss.detach())


def _keep(model: nn.Module, optimizer: torch.optim.Optimizer, epochs: int, work: Path) -> None:
    """Write a checkpoint: names of the network's tensors, and those of the optimizer's momentum by number."""
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    momentum = optimizer.state_dict()["state"]
    state |= {f"momentum.{number}": entry["momentum_buffer"] for number, entry in momentum.items()}
    save_state(work / "last.pth", state | {"epochs": torch.tensor(epochs)})


def _resume(model: nn.Module, optimizer: torch.optim.Optimizer, work: Path) -> int:
    """Take over the last checkpoint, if there is one; returns the epochs that are done."""
    if not (work / "last.pth").is_file():
        return 0
    state = read_state(work / "last.pth")
    model.load_state_dict(_under(state, "model."))
    momentum = {int(number): {"momentum_buffer": value} for number, value in _under(state, "momentum.").items()}
    optimizer.load_state_dict(optimizer.state_dict() | {"state": momentum})
    LOG.info("going on after epoch %d", int(state["epochs"]))
    return int(state["epochs"])


def _under(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _identity(facts: Facts, head: Head, plan: Plan, initial: Path | None, training: Training) -> dict[str, Any]:
    """What decides a training's result; two with the same identity are the same training."""
    start = initial / WEIGHTS if initial is not None and initial.is_dir() else initial
    images = training.annotations.with_suffix(".sha256")  # beside the annotations of a prepared data set
    what = json.dumps([facts.to_dict(), head.to_dict(), asdict(plan)], sort_keys=True)
    return {
        "version": 1,
        "detector": hashlib.sha256(what.encode()).hexdigest(),
        "annotations": digest(training.annotations),
        "images": digest(images) if images.is_file() else None,
        "initial": digest(start) if start is not None and start.is_file() else None,
        "seed": training.seed,
        "threads": training.threads,
    }


def _is_of(record: Path, identity: dict[str, Any]) -> bool:
    try:
        return record.is_file() and read_json(record) == identity
    except UserError:
        return False
