"""How large the splits are, and what their size speaks against."""

from collections.abc import Mapping

from anchorprune.files import read_json
from anchorprune.search.cautions import FEW_BOXES, FEW_IMAGES, few_boxes


def split_images(files: Mapping[str, str]) -> dict[str, int | None]:
    """`images_train`, `images_prune` and `images_test` of an entry; None where it is not known."""
    splits = read_json(files["data"], "data set")["splits"] if "data" in files else {}
    return {f"images_{name}": splits.get(name, {}).get("image_count") for name in ("train", "prune", "test")}


def cautions_of_test(path: str) -> list[str]:
    """Why to be careful with figures on a data set's test split, one line for each reason.

    Args:
        path: its `dataset.json`.
    """
    test, found = read_json(path, "data set")["splits"].get("test", {}), []
    if test.get("image_count", FEW_IMAGES) < FEW_IMAGES:
        found.append(f"the test split has {test['image_count']} images, fewer than {FEW_IMAGES}: intervals are rough")
    few, named = few_boxes(test.get("boxes_of_class", {}))
    if few:
        found.append(f"{few} classes have fewer than {FEW_BOXES} boxes in the test split: {named}")
    return found
