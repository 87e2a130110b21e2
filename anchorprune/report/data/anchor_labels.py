"""What people call an anchor, the same everywhere: its index and its shape together."""

from anchorprune.heads.head import Head


def anchor_labels(head: Head) -> list[str]:
    """(A,) names such as `#7 32x48`: the index that layouts count by, width and height in input pixels."""
    anchors = (anchor for level in head.levels for anchor in level.anchors)
    return [f"#{number} {width:.0f}x{height:.0f}" for number, (width, height) in enumerate(anchors)]
