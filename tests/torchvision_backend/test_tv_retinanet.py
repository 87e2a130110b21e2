"""What is a RetinaNet's alone: frozen batch norm, labels from 0, sizes of images, training of unequal levels."""

import json

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
from torchvision.models import resnet50
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from tv_detectors import CLASSES, RETINA_SIZE, enlivened, picture, plain, size_option, write_data

from anchorprune.detectors.registry import load
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.torchvision

NAME = "retinanet_resnet50_fpn"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A RetinaNet's weights, and images with boxes."""
    folder = tmp_path_factory.mktemp("data")
    model = plain(NAME)
    write_data(model, folder)
    torch.save(model.state_dict(), folder / "my.pth")
    return folder


def frozen(eps):
    """torchvision's RetinaNet as it begins with a pretrained backbone: its batch norms are frozen."""
    torch.manual_seed(2)
    body = resnet50(norm_layer=lambda width: FrozenBatchNorm2d(width, eps))
    backbone = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    longest, shortest = RETINA_SIZE
    model = RetinaNet(backbone, len(CLASSES) + 1, min_size=shortest, max_size=longest)
    for norm in (module for module in model.modules() if isinstance(module, FrozenBatchNorm2d)):
        norm.running_var.uniform_(0, 1e-4).add_(1e-6)  # small ones, with which the epsilon counts
        norm.weight.mul_(0.02)
    return enlivened(model)


@pytest.mark.parametrize(("eps", "option"), [(1e-5, ()), (0.0, ("--option", "frozen_eps=0"))])
def test_frozen_batch_norm_stays_frozen_and_keeps_its_epsilon(data, tmp_path, run_command, eps, option):
    model = frozen(eps)
    torch.save(model.state_dict(), tmp_path / "my.pth")
    words = ("--option", f"classes={json.dumps(CLASSES)}", *size_option(NAME), *option, "--output", tmp_path / "full")
    done = run_command("convert", f"torchvision::{NAME}", tmp_path / "my.pth", "--backend", "torchvision", *words)
    assert done.status == 0, done.err
    image, other = picture(data / "images/1.png"), load([tmp_path / "full"]).model
    with torch.no_grad():
        (wanted,), (found,) = model([image]), other([image])
    assert len(wanted["scores"]) > 50
    torch.testing.assert_close(found, wanted)
    parameters = {name for name, _ in other.named_parameters()}
    assert not any(".bn" in name for name in parameters)


def test_init_says_what_it_took_the_batch_norm_for_and_keeps_the_size(data, tmp_path, run_command):
    torch.save(frozen(1e-5).state_dict(), tmp_path / "my.pth")
    given = ("--weights", tmp_path / "my.pth", "--annotations", data / "truth.json", "--images", data / "images")
    done = run_command("init", tmp_path / "mine", "--torchvision", NAME, *size_option(NAME), *given)
    assert done.status == 0, done.err
    assert "its frozen batch norm is taken to have epsilon 1e-05" in done.err
    options = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())["detectors"]["mine"]["options"]
    assert options == {"classes": list(CLASSES), "input_size": list(RETINA_SIZE), "frozen_eps": 1e-5}


def test_labels_may_begin_at_0(data, tmp_path, run_command):
    """There is no background: a network of three outputs has three classes."""
    state = torch.load(data / "my.pth")
    for end in ("weight", "bias"):
        name = f"head.classification_head.cls_logits.{end}"
        state[name] = state[name].unflatten(0, (9, 4))[:, 1:].flatten(0, 1).clone()
    torch.save(state, tmp_path / "three.pth")
    given = ("--weights", tmp_path / "three.pth", "--annotations", data / "truth.json", "--images", data / "images")
    done = run_command("init", tmp_path / "mine", "--torchvision", NAME, *size_option(NAME), *given)
    assert done.status == 0, done.err
    assert "labels 0 to 2 are taken for ape, bee, cat, in this order" in done.err
    options = ("--option", f"classes={json.dumps(CLASSES)}", *size_option(NAME), "--backend", "torchvision")
    for name, weights in (("three", tmp_path / "three.pth"), ("four", data / "my.pth")):
        run_command("convert", f"torchvision::{NAME}", weights, *options, "--output", tmp_path / name)
    photo = [data / "images/1.png"]
    (three,), (four,) = (load([tmp_path / name]).on_photos(photo) for name in ("three", "four"))
    assert len(three.scores) > 50
    assert three.labels.tolist() == four.labels.tolist()


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("input_size=[640]", "give the longest and the shortest side"),
        ("frozen_eps=small", "give a number, such as frozen_eps=1.0e-5"),
        ("size=3", "give classes=.., labels=.., input_size=.., frozen_eps=.. or postprocess.KEY=VALUE"),
    ],
)
def test_options_that_are_none(data, tmp_path, run_command, option, line):
    words = ("--backend", "torchvision", "--option", option, "--output", tmp_path / "full")
    assert line in run_command("convert", f"torchvision::{NAME}", data / "my.pth", *words).error_line
    assert not (tmp_path / "full").exists()


def test_sizes_are_of_retinanets_alone(data, tmp_path, run_command):
    words = ("--backend", "torchvision", "--option", "classes=[a]", "--option", "input_size=[640, 480]")
    done = run_command("convert", "torchvision::ssd300_vgg16", *words, "--output", tmp_path / "full")
    assert "input_size=.. is of RetinaNets alone" in done.error_line


def test_a_step_of_training_with_unequal_levels(data, tmp_path, run_command):
    """torchvision's loss goes through the head of unequal levels: every part of the head moves."""
    words = ("--option", f"classes={json.dumps(CLASSES)}", *size_option(NAME), "--output", tmp_path / "full")
    run_command("convert", f"torchvision::{NAME}", data / "my.pth", "--backend", "torchvision", *words)
    full = load([tmp_path / "full"], device="cpu")
    kept = [anchor for anchor in range(45) if (anchor * 5) % 7 < 3]
    before = full.slice(Layout.keep(full.head, kept), tmp_path / "sliced")
    split = ("--annotations", data / "truth.json", "--images", data / "images")
    recipe = ("--iterations", "1", "--batch-size", "3", "--learning-rate", "0.0001", "--output", tmp_path / "trained")
    done = run_command("retrain", tmp_path / "sliced", "--finetune", tmp_path / "sliced", *split, *recipe)
    assert done.status == 0, done.err
    after = load([tmp_path / "trained"], device="cpu")
    assert (after.head, after.facts) == (before.head, before.facts)
    moved = {
        name: float((one - other).detach().abs().max())
        for (name, one), other in zip(before.model.named_parameters(), after.model.parameters(), strict=True)
    }
    assert all(moved[name] > 0 for name in moved if name.startswith("head."))
    assert 0 < max(moved.values()) < 0.1
