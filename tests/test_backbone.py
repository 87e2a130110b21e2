"""Weights that a backbone starts from: files of other programs, and a hub that answers, refuses or lies."""

import hashlib
import http.server
import logging
import os
import threading
from functools import partial

import pytest

torch = pytest.importorskip("torch")

from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from oracles.mmdet_detectors import CONFIGS

from anchorprune.detectors.mmdet.config.pretrained import set_backbone_weights
from anchorprune.detectors.mmdet.model import build
from anchorprune.detectors.mmdet.training.backbone import fit, prepare_backbone
from anchorprune.detectors.mmdet.training.hub import local_file
from anchorprune.errors import UserError

RESNET = {"type": "ResNet", "depth": 18, "base_channels": 4, "init_cfg": None}


@pytest.fixture(scope="module")
def own():
    init_default_scope("mmdet")
    return MODELS.build(dict(RESNET, stem_channels=4)).state_dict()


def test_a_classifier_fits_without_its_head(own, caplog):
    caplog.set_level(logging.INFO)
    old = {name: value + 1 for name, value in own.items() if "num_batches_tracked" not in name}
    fitted = fit({**old, "fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, own, "resnet.pth")
    assert set(fitted) == set(own)
    assert torch.equal(fitted["conv1.weight"], own["conv1.weight"] + 1)
    assert torch.equal(fitted["bn1.num_batches_tracked"], own["bn1.num_batches_tracked"])
    assert "resnet.pth has more than a backbone, which is left out: fc.weight, fc.bias" in caplog.text


def test_a_whole_detectors_backbone_fits(own):
    whole = {f"backbone.{name}": value for name, value in own.items()}
    assert set(fit({**whole, "bbox_head.cls.weight": torch.zeros(1)}, own, "detector.pth")) == set(own)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"conv1.weight": None, "bn1.weight": None}, "missing conv1.weight, bn1.weight$"),
        ({"layer9.0.weight": torch.zeros(1)}, "unknown layer9.0.weight$"),
        (
            {"conv1.weight": torch.zeros(8, 3, 7, 7)},
            r"of another shape conv1.weight \(8, 3, 7, 7\) where the backbone has \(4, 3, 7, 7\)$",
        ),
    ],
)
def test_what_does_not_fit_is_named(own, change, line):
    state = {name: value for name, value in {**own, **change}.items() if value is not None}
    with pytest.raises(UserError, match=f"^w.pth: these weights do not fit the config's backbone: {line}"):
        fit(state, own, "w.pth")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A server of files, and its folder; torch's cache is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def save_named_by_hash(state, folder):
    torch.save(state, folder / "w.pth")
    digest = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()[:8]
    return (folder / "w.pth").rename(folder / f"resnet-{digest}.pth")


def test_a_config_starts_from_a_url(hub, own, tmp_path):
    url, folder = hub
    name = save_named_by_hash(own, folder).name
    init = {"type": "Pretrained", "checkpoint": f"{url}/{name}"}
    cfg = Config({"model": {"backbone": dict(RESNET, stem_channels=4, init_cfg=init)}})
    prepare_backbone(cfg, tmp_path)
    assert cfg.model.backbone.init_cfg.checkpoint == str(tmp_path / "backbone.pth")
    found = torch.load(tmp_path / "backbone.pth", weights_only=True)
    assert all(torch.equal(found[key], own[key]) for key in own)
    (folder / name).unlink()
    assert local_file(f"{url}/{name}").is_file()  # kept from then on
    built = MODELS.build(cfg.model.backbone)
    built.init_weights()
    assert torch.equal(built.state_dict()["layer1.0.conv1.weight"], own["layer1.0.conv1.weight"])


REMEDY = "give the weights as a file with --backbone-weights FILE, or start without with --backbone-weights none"


def test_a_hub_that_cannot_be_reached_or_lies(hub, own):
    url, folder = hub
    with pytest.raises(UserError, match=rf"^{url}/none.pth: cannot be fetched \(HTTP Error 404: .*\); {REMEDY}$"):
        local_file(f"{url}/none.pth")
    with pytest.raises(UserError, match=rf"^http://127.0.0.1:9/w.pth: cannot be fetched \(.*refused.*\); {REMEDY}$"):
        local_file("http://127.0.0.1:9/w.pth")  # the port of the discard service, where nothing listens
    save_named_by_hash(own, folder).rename(folder / "resnet-00000000.pth")
    with pytest.raises(UserError, match=r"resnet-00000000.pth: came damaged \(invalid hash"):
        local_file(f"{url}/resnet-00000000.pth")
    assert not list(folder.parent.glob("cache/**/*.pth"))


def test_names_of_the_hub(tmp_path, monkeypatch):
    """mmengine's names lead to their files, which lie in torch's cache here."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub/checkpoints"
    folder.mkdir(parents=True)
    for name, file in {
        "open-mmlab://vgg16_caffe": "vgg16_caffe-292e1171.pth",
        "torchvision://resnet50": "resnet50-0676ba61.pth",
        "open-mmlab://resnet50_caffe": "resnet50_caffe-788b5fa3.pth",  # an old name of detectron/resnet50_caffe
    }.items():
        (folder / file).touch()
        assert local_file(name) == folder / file
    for name in ("torchvision://resnet51", "open-mmlab://no", "mmcls://no"):
        with pytest.raises(UserError, match="mmengine's hub has no such weights"):
            local_file(name)
    with pytest.raises(UserError, match="no way is known to fetch s3://"):
        local_file("s3://bucket/w.pth")


class Attack:
    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return os.mkdir, (str(self.made),)


def test_no_code_of_a_file_runs(own, tmp_path):
    torch.save({"state_dict": own, "meta": Attack(tmp_path / "made")}, tmp_path / "w.pth")
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / "w.pth")}
    cfg = Config({"model": {"backbone": dict(RESNET, stem_channels=4, init_cfg=init)}})
    with pytest.raises(UserError, match=r"w.pth: holds more than tensors"):
        prepare_backbone(cfg, tmp_path)
    assert not (tmp_path / "made").exists()


def test_a_detector_that_started_without_weights_can_be_built_again():
    cfg = Config.fromfile(str(CONFIGS / "retinanet/retinanet_r18_fpn_1x_coco.py"))
    set_backbone_weights(cfg, "none")
    assert build(Config.fromstring(cfg.pretty_text, ".py")).bbox_head is not None
