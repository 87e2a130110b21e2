"""What an experiment's config expects, beside what came out."""

from collections.abc import Mapping
from typing import Any

MARK = "†"


def expectation(expected: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Columns `expected_ap`, `within_expected` (`true`, `false` or empty), `expected_found`; NaN without expectation.

    Args:
        expected: what the config says: `ap` and `tolerance`, both in 0..1, of `figure` (COCO's AP if it names none);
            others are not looked at.
        metrics: figures of the finished detector; one that is missing, NaN or COCO's -1 is not judged.
    """
    wanted, tolerance, found = expected.get("ap"), expected.get("tolerance"), _found(expected, metrics)
    within = ""
    if wanted is not None and tolerance is not None and found >= 0:
        # A rounding of the difference (0.255 - 0.250 is a little more than 0.005) puts no one outside.
        within = "true" if abs(found - wanted) <= tolerance + 1e-12 else "false"
    expected_ap, none = (float("nan") if wanted is None else wanted), float("nan")
    return {"expected_ap": expected_ap, "within_expected": within, "expected_found": none if wanted is None else found}


def remark(expected: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """One line for people on a result that is not as expected; `row` is of the results table."""
    name, found = expected.get("figure", "ap"), row["expected_found"]
    return f"{name.upper()} {found:.3f} is outside expected {expected['ap']:.3f} ± {expected['tolerance']:.3f}"


def _found(expected: Mapping[str, Any], metrics: Mapping[str, Any]) -> float:
    return metrics.get(expected.get("figure", "ap"), float("nan"))
