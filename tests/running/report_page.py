"""A report's page of made-up results, for browsers."""

import json
from pathlib import Path

from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.write import write_report
from running.pruned_results import write_results

WIDTHS = (1440, 834, 390)
ATTACK = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"


def made_page(
    folder: Path, names: dict[str, str], classes: tuple[str, ...], sets: tuple[str, ...], times: int = 1
) -> Path:
    """Write a report of made-up results, without drawn figures, of one experiment or as often; returns the page."""
    rows = write_results(folder / "results", names, classes, sets)
    experiments = [names["experiment"]] if times == 1 else [f"e{i}" for i in range(times)]
    (folder / "manifest.json").write_text(
        json.dumps([{**row, "experiment": name} for name in experiments for row in rows])
    )
    write_report(read_manifest(folder / "manifest.json"), Published(), folder / "report", figures=False)
    return folder / "report/index.html"
