"""What can be downloaded: each collection's archives, with sizes and checksums.

Sizes and SHA-256 are those of TensorFlow Datasets (url_checksums/coco.txt and voc.txt, commit 333639b), which took the
VOC archives from a mirror. The publishers give http:// addresses; the checksums make up for it.
"""

from dataclasses import dataclass
from pathlib import Path

_COCO = "http://images.cocodataset.org"
_VOC = "http://host.robots.ox.ac.uk/pascal/VOC"


@dataclass(frozen=True)
class Archive:
    """One file of a collection.

    Attributes:
        base: URL that `path` is below.
        path: the rest of the URL; below a mirror it is the same.
        size: bytes.
        sha256: hexadecimal.
        witnesses: what it brings, below the root; where all of it is there, the archive is not needed.
        strip: first folder of its members that is left out.
    """

    base: str
    path: str
    size: int
    sha256: str
    witnesses: tuple[str, ...]
    strip: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    def url(self, mirror: str | None = None) -> str:
        """Where it is fetched from."""
        return f"{(mirror or self.base).rstrip('/')}/{self.path}"

    def is_there(self, root: Path) -> bool:
        """Whether everything it brings lies below `root`."""
        return all((root / witness).exists() for witness in self.witnesses)


def _lists(year: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{year}/ImageSets/Main/{name}.txt" for name in names)


_TEST_INFO = Archive(
    *(_COCO, "annotations/image_info_test2017.zip", 1144034),
    "e52f412dd7195ac8f98d782b44c6dd30ea10241e9f42521f67610fbe055a74f8",
    ("annotations/image_info_test-dev2017.json",),
)
# The archives come into place in this order: images before the files by which a collection is known.
COLLECTIONS: dict[str, tuple[Archive, ...]] = {
    "coco2017": (
        Archive(
            *(_COCO, "zips/val2017.zip", 815585330),
            "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
            ("val2017",),
        ),
        Archive(
            *(_COCO, "zips/train2017.zip", 19336861798),
            "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
            ("train2017",),
        ),
        Archive(
            *(_COCO, "annotations/annotations_trainval2017.zip", 252907541),
            "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
            ("annotations/instances_train2017.json", "annotations/instances_val2017.json"),
        ),
    ),
    "voc0712": (
        Archive(
            *(_VOC, "voc2007/VOCtrainval_06-Nov-2007.tar", 460032000),
            "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            _lists("VOC2007", "train", "val", "trainval"),
            strip="VOCdevkit",
        ),
        Archive(
            *(_VOC, "voc2007/VOCtest_06-Nov-2007.tar", 451020800),
            "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            _lists("VOC2007", "test"),
            strip="VOCdevkit",
        ),
        Archive(
            *(_VOC, "voc2012/VOCtrainval_11-May-2012.tar", 1999639040),
            "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
            _lists("VOC2012", "train", "val", "trainval"),
            strip="VOCdevkit",
        ),
    ),
    "coco2017-test-dev-info": (_TEST_INFO,),
    "coco2017-test-dev": (
        _TEST_INFO,
        Archive(
            *(_COCO, "zips/test2017.zip", 6646970404),
            "c7908c3c9f94ba2f3340ebbeec58c25db6be8774f18d68c2f15d0e369d95baba",
            ("test2017",),
        ),
    ),
}


def files_of(collection: str, root: str | Path) -> list[str]:
    """The files (not the folders) by which a collection is known to be below `root`."""
    return [f"{root}/{w}" for archive in COLLECTIONS[collection] for w in archive.witnesses if Path(w).suffix]
