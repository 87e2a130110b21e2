"""A report's page of made-up results, for browsers."""

import json
import shutil
from pathlib import Path

from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.write import write_experiment, write_overall, write_report
from running.examples import write_examples
from running.pruned_results import write_results

WIDTHS = (1440, 834, 390)
ATTACK = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"


def made_page(folder: Path, names: dict[str, str], classes: tuple[str, ...], sets: tuple[str, ...]) -> Path:
    """Write a report of made-up results, without drawn figures; returns the page."""
    rows = write_results(folder / "results", names, classes, sets)
    (folder / "manifest.json").write_text(json.dumps(rows))
    write_report(read_manifest(folder / "manifest.json"), Published(), folder / "report", figures=False)
    return folder / "report/index.html"


def page_of_many(folder: Path, names: dict[str, str], times: int) -> Path:
    """Write the page of as many experiments as `times`, with all their figures and examples; returns it.

    They have the same results, so that figures are drawn once.
    """
    write_examples(folder, names, images=80, grain=1)
    rows = json.loads((folder / "manifest.json").read_text())
    experiments = [f"e{i}" for i in range(times)]
    manifest = folder / "all.json"
    manifest.write_text(json.dumps([{**row, "experiment": name} for name in experiments for row in rows]))
    entries, report = read_manifest(manifest), folder / "report"
    write_experiment(entries, Published(), report, experiments[0])
    drawn = [*report.glob(f"*-{experiments[0]}*")]
    for name in experiments[1:]:
        for file in drawn:
            shutil.copy(file, report / file.name.replace(f"-{experiments[0]}", f"-{name}"))
    write_overall(entries, Published(), report)
    return report / "index.html"
