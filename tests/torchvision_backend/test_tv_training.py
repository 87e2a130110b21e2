"""Trainings of torchvision's detectors: they learn, the same seed gives the same weights, killed ones go on."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
from backends.trained import write_data
from torchvision.ops import box_iou
from tv_detectors import picture

from anchorprune.datasets.scenes import CLASSES
from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.registry import backend, load
from anchorprune.detectors.torchvision import training as module
from anchorprune.detectors.training import Recipe, Training
from anchorprune.errors import UserError

pytestmark = pytest.mark.torchvision

CONFIG = "torchvision::ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Five images to train on: with a batch of two, the last one would be alone."""
    return write_data(tmp_path_factory.mktemp("scenes"), train=5, prune=1, test=1)


@pytest.fixture
def train(scenes, tmp_path):
    def run(name, seed=0, **recipe):
        images = scenes / "images/train"
        given = Training(scenes / "train.json", images, CLASSES, tmp_path / name, Recipe(**recipe), seed, 1)
        schedule = backend("torchvision").train(Foreign(CONFIG, "own"), given)
        return schedule, torch.load(tmp_path / name / "weights.pth")

    return run


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_training_of_one_seed_gives_one_result_killed_or_not(train, tmp_path, monkeypatch):
    schedule, whole = train("whole", epochs=3, batch_size=2)
    assert (schedule.epochs, schedule.iterations) == (3, None)
    assert not (tmp_path / "whole/checkpoints").exists()
    keep = module._keep

    def killed(*words):
        keep(*words)
        if words[2] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        train("killed", epochs=3, batch_size=2)
    monkeypatch.undo()
    assert (tmp_path / "killed/checkpoints/last.pth").is_file()
    assert same(train("killed", epochs=3, batch_size=2)[1], whole)
    assert not same(train("other", seed=1, epochs=3, batch_size=2)[1], whole)


def test_a_finished_training_is_not_done_again(train, tmp_path, monkeypatch):
    train("once", epochs=1)
    monkeypatch.setattr(module, "_run", lambda *words: pytest.fail("it trains again"))
    train("once", epochs=1)


def test_iterations_stop_a_training_and_leave_its_schedule(train):
    plan = module.plan_of(Recipe(epochs=10, learning_rate=0.1, batch_size=4), "ssdlite320_mobilenet_v3_large")
    assert plan.learning_rate == pytest.approx(0.05)
    rates = [plan.rate(i, 100) for i in range(100)]
    assert rates[9] == pytest.approx(0.05) and rates[0] == pytest.approx(0.005) and rates[-1] < 0.001
    schedule, _ = train("few", epochs=5, iterations=1, batch_size=2)
    assert (schedule.epochs, schedule.iterations) == (5, 1)


def test_what_the_training_has_not_is_refused(train):
    with pytest.raises(UserError, match="amp: the training of torchvision's detectors has no such choice"):
        train("amp", amp=True)


def test_it_learns_two_images_by_heart(scenes, tmp_path):
    """Half of their objects are found, with their labels."""
    value = json.loads((scenes / "train.json").read_text())
    value["images"] = value["images"][:2]
    ids = [image["id"] for image in value["images"]]
    value["annotations"] = [box for box in value["annotations"] if box["image_id"] in ids]
    (tmp_path / "two.json").write_text(json.dumps(value))
    recipe = Recipe(epochs=120, batch_size=2, learning_rate=0.02, base_batch_size=2)
    given = Training(tmp_path / "two.json", scenes / "images/train", CLASSES, tmp_path / "learnt", recipe, 0, 1)
    backend("torchvision").train(Foreign(CONFIG, "own"), given)
    model, hits = load([tmp_path / "learnt"]).model, 0
    label = {category["id"]: CLASSES.index(category["name"]) + 1 for category in value["categories"]}
    for image in value["images"]:
        with torch.no_grad():
            (found,) = model([picture(scenes / "images/train" / image["file_name"])])
        for box in (box for box in value["annotations"] if box["image_id"] == image["id"]):
            x, y, w, h = box["bbox"]
            overlap = box_iou(torch.tensor([[x, y, x + w, y + h]], dtype=torch.float32), found["boxes"])[0]
            right = found["labels"] == label[box["category_id"]]
            hits += bool(((overlap > 0.5) & right & (found["scores"] > 0.2)).any())
    assert hits >= len(value["annotations"]) / 2
