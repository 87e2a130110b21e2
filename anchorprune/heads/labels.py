"""Which category each label of a detector stands for; annotations number their categories, detectors their labels."""

from collections.abc import Sequence

from anchorprune.errors import UserError

_SHOWN = 5


def label_names(
    configured: Sequence[str], listed: Sequence[str], by_id: Sequence[str], listed_decides: bool
) -> tuple[list[str], str]:
    """The annotations' categories in the order of a detector's labels.

    mmdet's CocoDataset numbers its labels as the annotation *file* lists the categories, whatever the order of the
    names in the config; its other data sets number them as the config does (mmdet/datasets/coco.py, xml_style.py).

    Args:
        configured: names in the detector's config.
        listed: the annotations' names, in the file's order.
        by_id: the same, by ascending id; the order of labels in this project.
        listed_decides: the detector was trained on a CocoDataset.

    Returns:
        The names, which are `by_id`, and a line to tell the user where they are not `configured`; else "".

    Raises:
        UserError: other categories, or labels in another order than the categories' ids.
    """
    if sorted(configured) == sorted(listed):
        order = list(listed) if listed_decides else list(configured)
        note = "the config lists them in another order, which mmdet's CocoDataset does not follow"
    elif [_plain(name) for name in configured] == [_plain(name) for name in listed]:
        order, note = list(listed), "the config spells them otherwise"
    else:
        raise UserError(
            f"the detector's classes are not the annotations' categories: {_difference(configured, listed)}"
        )
    if order != list(by_id):
        raise UserError(
            f"the detector's labels go {_some(order)}, but the categories' ids go {_some(by_id)}; "
            "renumber the annotations' categories in the order of the labels"
        )
    return order, "" if order == list(configured) else f"classes as the annotations have them: {note}"


def _plain(name: str) -> str:
    """A name without case, blanks, dashes and underscores."""
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _difference(configured: Sequence[str], listed: Sequence[str]) -> str:
    if sorted(map(_plain, configured)) == sorted(map(_plain, listed)):
        return (
            f"spelt otherwise and in another order ({_some(configured)} and {_some(listed)}); "
            "name them with --classes as the annotations do, in the order of the labels"
        )
    only_config = [name for name in configured if name not in listed]
    only_file = [name for name in listed if name not in configured]
    parts = [f"only the config has {_some(only_config)}"] * bool(only_config)
    parts += [f"only the annotations have {_some(only_file)}"] * bool(only_file)
    return f"{', '.join(parts)}; give annotations of the detector's classes, or rename them with --classes"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
