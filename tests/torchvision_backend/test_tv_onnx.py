"""torchvision's detectors as ONNX models: on photos they find what torchvision's own forward finds."""

import json
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
onnxruntime = pytest.importorskip("onnxruntime")
from tv_detectors import CLASSES, RETINA_SIZE, SSDS, picture, plain, size_option

from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.plain_nms import detections
from anchorprune.deploy.onnx.session import OnnxDetector
from anchorprune.detectors.registry import load
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.torchvision

PHOTOS = 3


@pytest.fixture(scope="module", params=[*SSDS, "retinanet_resnet50_fpn"])
def made(request, tmp_path_factory, run_command, shared_data):
    """A detector that has lost a level and some anchors, its models, and photos."""
    folder, name = tmp_path_factory.mktemp("made"), request.param
    torch.save(plain(name).state_dict(), folder / "my.pth")
    option = ("--option", f"classes={json.dumps(CLASSES)}", *size_option(name))
    words = ("--backend", "torchvision", "--name", "own", *option, "--output", folder / "full")
    run_command("convert", f"torchvision::{name}", folder / "my.pth", *words)
    full = load([folder / "full"], device="cpu")
    gone = {anchor for anchor, level in enumerate(full.head.level_of_anchor) if level == 1 or anchor % 4 == 1}
    kept = [anchor for anchor in range(full.head.num_anchors) if anchor not in gone]
    detector = full.slice(Layout.keep(full.head, kept), folder / "sliced")
    done = run_command("deploy", folder / "sliced", "--output", folder / "deployed")
    assert done.status == 0, done.err
    photos = sorted((shared_data / "coco2017_subset/val2017").glob("*.jpg"))[:PHOTOS]
    if name not in SSDS:  # its models have one size of input, which these fill
        for number, photo in enumerate(photos):
            photos[number] = folder / f"{number}.png"
            with PIL.Image.open(photo) as opened:
                opened.convert("RGB").resize(RETINA_SIZE).save(photos[number])
    whole = OnnxDetector(folder / "deployed/model.onnx")
    return SimpleNamespace(detector=detector, folder=folder / "deployed", whole=whole, photos=photos)


def outputs_of(made, model, photo):
    session = onnxruntime.InferenceSession(made.folder / f"{model}.onnx")
    return session.run(None, {"images": prepare(photo, made.whole.metadata.input).pixels})


def test_a_photo_becomes_the_input_that_torchvision_makes_of_it(made):
    transform = made.detector.model.transform
    for photo in made.photos:
        (mine,) = prepare(photo, made.whole.metadata.input).pixels
        mean, std = (np.array(value)[:, None, None] for value in (transform.image_mean, transform.image_std))
        (theirs,) = transform([picture(photo)])[0].tensors.numpy()
        np.testing.assert_allclose((mine / 255 - mean) / std * std, theirs * std, atol=1e-4)


def test_the_model_finds_what_torchvision_finds(made):
    """Nearly equal scores may change places; one at the limit of what is kept may then be another."""
    for photo in made.photos:
        with torch.no_grad():
            (theirs,) = made.detector.model([picture(photo)])
        mine = made.whole.detect(prepare(photo, made.whole.metadata.input))
        assert len(mine.scores) == len(theirs["scores"]) > 50
        np.testing.assert_allclose(mine.scores, theirs["scores"], atol=1e-4)
        rows = np.column_stack([mine.labels + 1, mine.scores, mine.boxes])
        wanted = np.column_stack([theirs["labels"], theirs["scores"], theirs["boxes"]])
        bound = [0.5, 1e-4, *[1e-4 * max(picture(photo).shape)] * 4]
        near = (np.abs(rows[:, None] - wanted) <= bound).all(2)
        assert near.any(0).mean() > 0.99 and near.any(1).mean() > 0.99


def test_raw_outputs_are_the_heads(made):
    model, head = made.detector.model, made.detector.head
    raw = outputs_of(made, "model-raw", made.photos[0])
    with torch.no_grad():
        batch, _ = model.transform([picture(made.photos[0])])
        theirs = model.head(list(model.backbone(batch.tensors).values()))
    for first, (key, width) in enumerate((("cls_logits", len(CLASSES) + 1), ("bbox_regression", 4))):
        rows = [value.reshape(-1, width, *value.shape[2:]).transpose(2, 3, 0, 1) for value in raw[first::2]]
        mine = np.concatenate([level.reshape(-1, width) for level in rows])
        np.testing.assert_allclose(mine, theirs[key][0], atol=2e-3 * float(theirs[key].std()))
    assert len(raw) == 2 * sum(bool(level.anchors) for level in head.levels)


def test_every_box_and_a_programs_own_nms(made):
    """OpenCV's NMS on the decoded form finds what the whole model finds; of a RetinaNet many boxes have no area."""
    flat = 0
    for photo in made.photos:
        boxes, scores = (value[0] for value in outputs_of(made, "model-decoded", photo))
        assert scores.shape == (len(boxes), len(CLASSES))
        dets, labels = (value[0] for value in outputs_of(made, "model", photo))
        mine, classes = detections(boxes, scores, made.whole.metadata)
        found = labels >= 0
        np.testing.assert_allclose(mine[:, 4], dets[found, 4], atol=1e-6)
        assert (classes == labels[found]).mean() > 0.99
        assert (np.abs(mine[:, :4] - dets[found, :4]) < 1e-2).all(1).mean() > 0.99
        flat += int((dets[found, 2:4] <= dets[found, :2]).any(1).sum())
    assert made.detector.facts.architecture in SSDS or flat > 100


def test_opencv_reads_the_decoded_model(made):
    """It takes some pairs of operators for others, and gave SSDLite's maps one cell."""
    cv2 = pytest.importorskip("cv2")
    if made.detector.facts.architecture not in SSDS:
        pytest.skip("only SSDs were tried in OpenCV's own engine")
    net = cv2.dnn.readNetFromONNX(str(made.folder / "model-decoded.onnx"))
    net.setInput(prepare(made.photos[0], made.whole.metadata.input).pixels, "images")
    boxes, scores = net.forward(["boxes", "scores"])
    wanted = outputs_of(made, "model-decoded", made.photos[0])
    np.testing.assert_allclose(boxes, wanted[0], atol=0.1)
    np.testing.assert_allclose(scores, wanted[1], atol=1e-3)


def test_a_raw_export_is_a_detector_of_its_own(made, run_command, tmp_path):
    """As an ONNX file its best candidates are torchvision's; sliced, it gives its outputs at the kept anchors."""
    words = ("--backend", "onnx", "--name", "file", "--output", tmp_path / "file")
    done = run_command("convert", "onnx::graph", made.folder / "model-raw.onnx", *words)
    assert done.status == 0, done.err
    truth = {"categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)], "annotations": [], "images": []}
    for number, photo in enumerate(made.photos):
        height, width = picture(photo).shape[1:]
        truth["images"].append({"id": number, "file_name": photo.name, "width": width, "height": height})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    file, split = load([tmp_path / "file"]), (tmp_path / "truth.json", made.photos[0].parent)
    for mine, theirs in zip(file.candidates(*split), made.detector.candidates(*split), strict=True):
        side = max(picture(made.photos[mine.image_id]).shape)
        columns = [np.column_stack([c.anchor, c.label, c.score, c.boxes]) for c in (mine, theirs)]
        for ours, others in (columns, columns[::-1]):
            best = ours[np.argsort(-ours[:, 2])[:300]]
            near = np.abs(best[:, None] - others) <= [0.5, 0.5, 1e-4, *[1e-4 * side] * 4]
            assert near.all(2).any(1).mean() > 0.99
    layout = Layout.keep(file.head, range(1, file.head.num_anchors, 2))
    sliced = file.slice(layout, tmp_path / "sliced")
    whole = onnxruntime.InferenceSession(made.folder / "model-raw.onnx")
    pixels = prepare(made.photos[0], made.whole.metadata.input).pixels
    outputs = dict(zip([v.name for v in whole.get_outputs()], whole.run(None, {"images": pixels}), strict=True))
    runs = onnxruntime.InferenceSession(sliced.source)
    for value, found in zip(runs.get_outputs(), runs.run(None, {"images": pixels}), strict=True):
        level, (_, _, *grid) = int(value.name.partition("_")[2]), found.shape
        own = outputs[value.name].reshape(1, len(file.head.levels[level].anchors), -1, *grid)
        own = own[:, list(layout.kept_per_level[level])].reshape(found.shape)
        np.testing.assert_allclose(found, own, rtol=1e-5, atol=1e-5 * np.abs(own).max())


def test_the_models_say_how_they_are_read(made):
    facts = made.whole.metadata
    ssd = not facts.head.get("keep_ratio")
    assert facts.classes == CLASSES
    assert facts.coding["labels"] == [1, 2, 3]
    assert (facts.coding["activation"], facts.coding["background"]) == (("softmax", 0) if ssd else ("sigmoid", None))
    assert facts.postprocess["nms_pre_per"] == ("class" if ssd else "level")
    assert (facts.input.keep_ratio, facts.input.rounded) == (not ssd, False)
