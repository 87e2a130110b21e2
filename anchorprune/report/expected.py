"""What an experiment's config expects, beside what came out."""

from typing import Any

MARK = "†"


def expectation(expected: dict[str, Any], ap: float) -> dict[str, Any]:
    """Columns `expected_ap` (NaN where nothing is expected) and `within_expected` (`true`, `false` or empty).

    Args:
        expected: what the config says: `ap` and `tolerance`, both in AP 0..1; others are not looked at.
        ap: of the finished detector; NaN or COCO's -1 where there is none: not judged.
    """
    wanted, tolerance = expected.get("ap"), expected.get("tolerance")
    within = ""
    if wanted is not None and tolerance is not None and ap >= 0:
        # A rounding of the difference (0.255 - 0.250 is a little more than 0.005) puts no one outside.
        within = "true" if abs(ap - wanted) <= tolerance + 1e-12 else "false"
    return {"expected_ap": float("nan") if wanted is None else wanted, "within_expected": within}


def remark(expected: dict[str, Any], ap: float) -> str:
    """One line for people on a result that is not as expected."""
    return f"AP {ap:.3f} is outside expected {expected['ap']:.3f} ± {expected['tolerance']:.3f}"
