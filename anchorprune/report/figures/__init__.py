"""The figures of a report: a file here and a line below for each.

`docs/how-to-add.md` has the recipe. The pipeline asks at every start which files a report will have, so nothing is
imported here that is slow: a figure's module, and matplotlib with it, is loaded when the figure is drawn.
"""

from anchorprune.report.data.manifest import is_compared, is_pruned, is_retrained
from anchorprune.report.figures.axes import AXES, LATENCY
from anchorprune.report.figures.figure_kind import FigureKind, always, any_entry, by_latency, has, several_anchor_sets

_IN_ORDER = (
    *(FigureKind(axis.figure, always, module="tradeoff", axis=axis) for axis in AXES),
    FigureKind(LATENCY.figure, any_entry(by_latency), module="tradeoff", axis=LATENCY),
    FigureKind("overanchorized", several_anchor_sets),
    FigureKind("retraining", any_entry(is_retrained)),
    FigureKind("classes", any_entry(is_pruned, has("unpruned", "metrics")), per_anchor_set=True),
    FigureKind("removal", any_entry(has("front"))),
    FigureKind("layouts", any_entry(has("layout")), module="kept_anchors"),
    FigureKind("shapes", any_entry(has("predictions", "annotations")), per_anchor_set=True, module="predicted_shapes"),
)
# Name -> kind, in the report's order.
FIGURES = {kind.name: kind for kind in _IN_ORDER}
# Of the experiments that one list of ways to train became, together; drawn from the table of `comparison`.
OF_WAYS = FigureKind("compared", any_entry(is_compared), per_anchor_set=True, module="ap_by_way")
