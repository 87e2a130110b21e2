"""What each kind of figure is called, and how to read it."""

from anchorprune.report.figures.predicted_shapes import INNER, OUTER

# Kind of a figure (contents.KINDS) -> its title, and one sentence on how to read it.
CAPTIONS = {
    "pareto": (
        "AP against head MACs",
        "Up and to the left is better: marks are detectors measured on the test split, the dotted line is the unpruned "
        "AP, and where a search ran, faint dots are the subsets that it scored on the prune split and solid steps the "
        "best of them at each cost.",
    ),
    "boxes": (
        "AP against boxes",
        "The same detectors over the boxes per image that are decoded and suppressed after the network: further left "
        "means less work there.",
    ),
    "overanchorized": (
        "Anchor sets against each other",
        "Each colour is an anchor set with its own search: where its steps and diamonds lie above another's, it gives "
        "more AP for the same head MACs.",
    ),
    "retraining": (
        "What retraining gives back",
        "Each line leads from a pruned detector's AP before retraining (ring) to that after it (diamond), both on the "
        "test split; a diamond on or beyond the dotted line has lost nothing against the unpruned detector.",
    ),
    "removal": (
        "Which anchors go first",
        "Each cell is an anchor and its figure the share of budgets, from the cheapest found to the full head, at "
        "which the search does without it: 100% is never kept, 0% always.",
    ),
    "layouts": (
        "The anchors that are kept",
        "Each row is a pruned detector and each panel a level at its own scale: filled anchors are kept, dashed ones "
        "are removed.",
    ),
    "shapes": (
        "Shapes of the predicted boxes",
        "Width and height, on logarithmic axes, of the boxes that each anchor of the unpruned detector predicts: the "
        f"filled region holds {INNER:.0%} of them, a dashed outline {OUTER:.0%}, and the cross is the anchor's own "
        "shape.",
    ),
}
