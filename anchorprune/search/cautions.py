"""What speaks against believing a search: too few images, too few boxes, a detector that has hardly learnt."""

from collections.abc import Mapping

import numpy as np

from anchorprune.scoring import Scorer
from anchorprune.search.front import Scored

FEW_IMAGES = 100
FEW_BOXES = 10
HARDLY_LEARNT = 0.01  # AP
NAMED = 8  # classes


def cautions(scorer: Scorer, full: Scored) -> list[str]:
    """One line for each reason.

    Args:
        scorer: of the split.
        full: the unpruned detector.
    """
    found, truth, images = [], scorer.annotations, int(scorer.images.sum())
    if images < FEW_IMAGES:
        found.append(
            f"the split has {images} images, fewer than {FEW_IMAGES}: what looks best on it may not be; take more"
        )
    counts = np.bincount(truth.category_index[~truth.iscrowd], minlength=len(truth.category_ids))
    few, named = few_boxes(dict(zip(truth.category_names, counts.tolist(), strict=True)))
    if few:
        found.append(
            f"{few} of {len(counts)} classes have fewer than {FEW_BOXES} boxes in the split: {named}; "
            "anchors that they need may go unnoticed"
        )
    if full.ap < HARDLY_LEARNT:
        found.append(f"the full layout's AP is {full.ap:.4f}: the detector has hardly learnt; train it longer")
    return found


def few_boxes(boxes_of_class: Mapping[str, int]) -> tuple[int, str]:
    """How many classes have fewer than FEW_BOXES boxes, and the first of them with their counts, for people."""
    few = [f"{name} ({count})" for name, count in boxes_of_class.items() if count < FEW_BOXES]
    more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
    return len(few), ", ".join(few[:NAMED]) + more


def same_as(budgets: dict[str, Scored]) -> dict[str, str | None]:
    """For each budget, the largest budget above it that has the same layout; None if none has."""
    first: dict[tuple[int, ...], str] = {}
    result = {}
    for text in sorted(budgets, key=float, reverse=True):
        largest = first.setdefault(budgets[text].kept, text)
        result[text] = None if largest == text else largest
    return {text: result[text] for text in budgets}


def coincidences(budgets: dict[str, Scored], full: Scored, cost: str) -> list[str]:
    """One line for each layout that several budgets have."""
    groups: dict[str, list[str]] = {}
    for text, other in same_as(budgets).items():
        if other is not None:
            groups.setdefault(other, [other]).append(text)
    lines = []
    for texts in groups.values():
        scored = budgets[texts[0]]
        share, anchors = scored.price / full.price, len(scored.kept)
        lines.append(
            f"budgets {', '.join(texts)}: the same layout, {anchors} anchor{'s' if anchors > 1 else ''}"
            f" at {share:.1%} of the full {cost}; a budget is a ceiling (--choice closest comes closer to it)"
        )
    return lines
