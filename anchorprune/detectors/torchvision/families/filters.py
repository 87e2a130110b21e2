"""The filters that a RetinaNet's levels share, and which of them are a level's own."""

from collections.abc import Sequence

from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout


def kept_parts(facts: Facts, head: Head) -> tuple[list, list[int], list[list[int]]]:
    """Anchors, numbers and filters of the levels that have anchors."""
    kept = [i for i, level in enumerate(head.levels) if level.anchors]
    filters = facts.filters_of(head)
    return [list(head.levels[i].anchors) for i in kept], kept, [list(filters[i]) for i in kept]


def shared(filters: Sequence[Sequence[int]]) -> int:
    """How many filters the levels share."""
    return 1 + max(number for level in filters for number in level)


def are_uneven(filters: Sequence[Sequence[int]]) -> bool:
    """Whether some level lacks filters, or has them in another order: torchvision's levels each have all."""
    return any(list(level) != list(range(shared(filters))) for level in filters)


def kept_filters(filters: Sequence[Sequence[int]], layout: Layout) -> tuple[int, ...]:
    """Those that some level of a layout still has, ascending."""
    pairs = zip(filters, layout.kept_per_level, strict=True)
    return tuple(sorted({own[i] for own, kept in pairs for i in kept}))
