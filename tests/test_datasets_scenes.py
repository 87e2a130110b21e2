import hashlib
import time

import numpy as np
import PIL.Image
import pytest

from anchorprune.datasets.coco_writer import write_coco
from anchorprune.datasets.drawing import shape_mask
from anchorprune.datasets.image_check import check_images
from anchorprune.datasets.scenes import CLASSES, make_scene, write_scenes
from anchorprune.errors import UserError


def digest(folder) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_and_other_seed_other_bytes(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_coco(write_scenes(tmp_path / name / "images", seed, "train", 5), tmp_path / name / "train.json")
    a, b, c = (digest(tmp_path / name) for name in "abc")
    assert len(a) == 6
    assert a == b
    assert not set(a.values()) & set(c.values())


def test_a_scene_depends_on_seed_split_and_number_only():
    def pixels(*scene):
        return np.asarray(make_scene(*scene)[0]).tobytes()

    scenes = [(0, "train", 1), (0, "train", 2), (0, "prune", 1), (0, "test", 1), (1, "train", 1)]
    assert len({pixels(*scene) for scene in scenes}) == len(scenes)
    assert pixels(0, "train", 2) == pixels(0, "train", 2)


def test_files_and_annotations_agree(tmp_path):
    found = write_scenes(tmp_path, 3, "test", 20, size=96)
    assert [image.id for image in found.images] == list(range(1, 21))
    check_images(found, tmp_path)
    x, y, w, h = found.boxes.T
    assert x.min() >= 0 and y.min() >= 0 and (x + w).max() <= 96 and (y + h).max() <= 96
    assert set(found.image_index.tolist()) == set(range(20))  # every scene has a shape
    assert found.category_names == CLASSES


def test_sizes_and_proportions_are_wide_and_uneven():
    scenes = [make_scene(0, "train", number) for number in range(1, 301)]
    boxes = np.concatenate([boxes for _, _, boxes in scenes])
    kinds = np.concatenate([kinds for _, kinds, _ in scenes])
    side, proportion = np.sqrt(boxes[:, 2] * boxes[:, 3]), np.log2(boxes[:, 2] / boxes[:, 3])
    assert side.min() < 13 and side.max() > 65
    assert proportion.min() < -1.5 and proportion.max() > 1.5
    shares = np.histogram(proportion, [-9, -1.25, -0.5, 0.5, 1.25, 9])[0] / len(proportion)
    assert 0.01 < shares[0] < 0.1 and 0.01 < shares[4] < 0.15 and shares[2] > 0.35
    assert (np.bincount(kinds) / len(kinds) > 0.15).all()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("sides", [(8, 30), (30, 8), (50, 50), (9, 9)])
def test_shapes_fill_their_boxes(kind, sides):
    for seed in range(10):
        mask = shape_mask(kind, *sides, np.random.default_rng(seed))
        assert mask.shape == sides[::-1]
        edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        assert all(edge.max() > 0.05 for edge in edges)


def test_1500_scenes_in_seconds(tmp_path):
    start = time.process_time()
    write_scenes(tmp_path, 0, "train", 150)
    assert time.process_time() - start < 3  # 0.6 s on one core: 1500 in 6 s


def test_bad_numbers_are_named(tmp_path):
    for arguments, message in (
        ((0, "val", 1), "split 'val' of the scenes is not one of train, prune, test"),
        ((-1, "test", 1), "seed is -1"),
        ((0, "prune", 0), "number of prune scenes is 0; it must be at least 1"),
        ((0, "test", 1, 32), "size is 32; it must be at least 64"),
    ):
        with pytest.raises(UserError, match=message):
            write_scenes(tmp_path / "scenes", *arguments)
    assert not (tmp_path / "scenes").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write scenes"):
        write_scenes(tmp_path / "file", 0, "test", 1)


def test_pictures_are_plain_rgb(tmp_path):
    write_scenes(tmp_path, 0, "test", 1)
    with PIL.Image.open(tmp_path / "test-000001.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (128, 128))
