from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.image_check import check_images
from anchorprune.datasets.split_checks import check_disjoint
from anchorprune.errors import UserError


def data(*images: Image) -> Annotations:
    none = np.zeros(0, dtype=np.int64)
    return Annotations(images, none, (), none, none, none, np.zeros((0, 4)), none, none)


def picture(path: Path, size=(60, 40), **options) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(path, **options)


SUFFIXES = ["jpg", "png", "bmp", "webp"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_images_pass(tmp_path, suffix):
    for number in range(5):
        picture(tmp_path / f"{number}.{suffix}")
    check_images(data(*(Image(n, f"{n}.{suffix}", 60, 40) for n in range(5))), tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.9])
def test_truncated_images_are_found(tmp_path, suffix, kept):
    path = tmp_path / f"a.{suffix}"
    picture(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(UserError, match=rf"a\.{suffix}: image is damaged or cut off"):
        check_images(data(Image(1, path.name, 60, 40)), tmp_path)


def test_large_progressive_jpeg_cut_near_its_end(tmp_path):
    path = tmp_path / "a.jpg"
    picture(path, (640, 480), progressive=True)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match="cut off"):
        check_images(data(Image(1, "a.jpg", 640, 480)), tmp_path)


def test_first_bad_image_is_named_whatever_the_threads(tmp_path):
    picture(tmp_path / "good.png")
    images = [Image(n, "good.png", 60, 40) for n in range(30)]
    images[7] = Image(7, "gone.png", 60, 40)
    images[20] = Image(20, "gone too.png", 60, 40)
    for threads in (1, 8):
        with pytest.raises(UserError, match=r"gone\.png: image is missing"):
            check_images(data(*images), tmp_path, threads)


def test_other_size_than_stated(tmp_path):
    picture(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"image is 60x40 pixels .* says 40x60"):
        check_images(data(Image(1, "a.jpg", 40, 60)), tmp_path)


def test_a_photo_turned_by_exif_has_its_turned_size(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "a.jpg", exif=exif)
    check_images(data(Image(1, "a.jpg", 40, 60)), tmp_path)
    with pytest.raises(UserError, match="image is 40x60 pixels"):
        check_images(data(Image(1, "a.jpg", 60, 40)), tmp_path)


def test_damaged_exif_is_no_damaged_image(tmp_path):
    picture(tmp_path / "a.jpg", exif=b"Exif\0\0rubbish")
    check_images(data(Image(1, "a.jpg", 60, 40)), tmp_path)


def test_postscript_is_not_run(tmp_path):
    (tmp_path / "a.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 40\n%%EndComments\nshowpage\n")
    with pytest.raises(UserError, match="cannot identify image file"):
        check_images(data(Image(1, "a.jpg", 60, 40)), tmp_path)


def test_missing_folder_and_folder_for_a_file(tmp_path):
    with pytest.raises(UserError, match="no such image folder"):
        check_images(data(), tmp_path / "gone")
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(UserError, match=r"a\.jpg: image is damaged"):
        check_images(data(Image(1, "a.jpg", 6, 4)), tmp_path)


def test_an_image_in_two_splits_is_a_leak(tmp_path):
    (tmp_path / "images" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "images")
    one, two = data(Image(1, "sub/a.jpg", 6, 4)), data(Image(5, "a.jpg", 6, 4))
    check_disjoint({"train": (one, tmp_path / "images"), "test": (one, tmp_path / "images" / "sub")})
    with pytest.raises(UserError, match=r"images/sub/a\.jpg: image is in the splits 'train' and 'test'"):
        check_disjoint({"train": (one, tmp_path / "link"), "test": (two, tmp_path / "images" / "sub")})
