"""The report: exact columns, the same bytes each time, and one line for what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from oracles.figure_files import check_figure
from running.results import names_in

from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout
from anchorprune.report.contents import parts, report_files
from anchorprune.report.data.expected import expectation, remark
from anchorprune.report.data.manifest import configuration, read_manifest
from anchorprune.report.data.metrics import AP_FIGURES
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import COLUMNS, results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES, OF_WAYS, kept_anchors, overanchorized, retraining, tradeoff
from anchorprune.report.figures.axes import BOXES, MACS
from anchorprune.report.figures.style import COLORS
from anchorprune.report.tables.paper_table import paper_table, write_paper_table
from anchorprune.report.tables.results_table import format_macs, write_results

PUBLISHED = Path(__file__).parents[1] / "config/published"
CONFIGURATION_A = [5, 7, 13, 16, 17, 19, 22, 25, 26, 27, 28]  # METHOD: what the release's configuration A removes


class Files:
    """Writes the files of a manifest, with invented figures."""

    def __init__(self, folder, head):
        self.folder, self.head, self.entries = folder, head, []
        head.save(folder / "head.json")

    def path(self, name):
        return str(self.folder / name)

    def metrics(self, name, ap):
        value = {**dict.fromkeys(AP_FIGURES, ap), "ap_large": -1, "provenance": {"commit": "c0ffee"}}
        value["per_class"] = {"cat": ap, "dog": 0.25, "cow": -1}
        (self.folder / name).write_text(json.dumps(value))
        return self.path(name)

    def layout(self, name, dropped):
        Layout.drop(self.head, dropped).save(self.folder / name)
        return self.path(name)

    def search(self, dropped, aps):
        """A search that scored the full head and another layout."""
        kept = [" ".join(map(str, Layout.drop(self.head, drop).kept)) for drop in ([], dropped)]
        costs = {"macs": [4231319040, 3607764480], "boxes": [8732, 7814], "anchors": [30, 30 - len(dropped)]}
        table = pd.DataFrame({"kept": kept, "ap": aps, **costs})
        table.to_parquet(self.folder / "evaluated.parquet")
        table[1:].to_csv(self.folder / "front.csv", index=False)
        return {"evaluated": self.path("evaluated.parquet"), "front": self.path("front.csv")}

    def add(self, names, **more):
        self.entries.append({**names, **more})

    def write(self):
        path = self.folder / "manifest.json"
        path.write_text(json.dumps(self.entries))
        return path


OUTSIDE = "x_1, unpruned, baseline anchors, seed 0: AP 0.250 is outside expected 0.255 ± 0.002."
NAMES = {"experiment": "x_1", "detector": "ssd300", "dataset": "coco", "anchor_set": "baseline", "seed": 0}


@pytest.fixture
def manifest(ssd300, tmp_path):
    """A manifest, in its oldest form, of an unpruned SSD300 and one pruned to configuration A."""
    files = Files(tmp_path, ssd300)
    found = files.search(CONFIGURATION_A, [0.26, 0.255])
    base = {
        "unpruned": files.metrics("unpruned.json", 0.25),
        "head": files.path("head.json"),
        "evaluated": found["evaluated"],
    }
    more = {
        "sliced": files.metrics("sliced.json", 0.24),
        "metrics": files.metrics("final.json", 0.251),
        "layout": files.layout("layout.json", CONFIGURATION_A),
        "front": found["front"],
    }
    files.add(NAMES, method="", budget=1, files=base)
    files.add(NAMES, method="pareto", budget=0.9, files={**base, **more})
    return files.write()


@pytest.fixture
def everything(ssd300, tmp_path):
    """A manifest with every kind of entry: two anchor sets, two seeds, a fixed layout, both controls."""
    files = Files(tmp_path, ssd300)
    found = files.search(CONFIGURATION_A, [0.26, 0.255])
    (tmp_path / "score.json").write_text(json.dumps({"ap": 0.2531}))
    base = {"head": files.path("head.json"), "evaluated": found["evaluated"], "annotations": None}
    layout = {"layout": files.layout("layout.json", CONFIGURATION_A)}
    for anchor_set, seed, ap in (("baseline", 0, 0.25), ("baseline", 1, 0.254), ("many", 0, 0.27)):
        names = {**NAMES, "anchor_set": anchor_set, "seed": seed, "retrain": "scratch"}
        full = {**base, "unpruned": files.metrics(f"{anchor_set}-{seed}.json", ap)}
        sliced = {"sliced": files.metrics("sliced.json", 0.24)}
        final = {"metrics": files.metrics(f"{anchor_set}-{seed}-final.json", ap + 0.001)}
        expected = {"ap": 0.255, "tolerance": 0.002, "gpu": "A100"} if anchor_set == "baseline" else {}
        row = {"detector": "ssd300_vgg16", "configuration": "baseline"} if anchor_set == "baseline" else None
        files.add(names, method="", budget=1, published=row, expected=expected, files=full)
        files.add(names, method="pareto", budget=0.9, files={**full, **sliced, **final, **layout, **found})
        if anchor_set == "many":
            continue
        score = {"score": files.path("score.json")}
        row = {"detector": "ssd300_vgg16", "configuration": "A", "variant": ""}
        files.add(
            names, method="fixed", label="A", budget=None, published=row,
            files={**full, **layout, **score, **sliced, **final},
        )  # fmt: skip
        control = {"method": "pareto", "budget": 0.9}
        files.add(names, **control, control="random", files={**full, **layout, **score, "metrics": final["metrics"]})
        files.add(
            names, **control, control="kmeans",
            files={"head": full["head"], "control_head": full["head"], "metrics": final["metrics"]},
        )  # fmt: skip
    return files.write()


def section(path, published=None):
    entries = read_manifest(path)
    return Section(entries, results_table(entries), published or Published())


def test_the_table(manifest):
    table = results_table(read_manifest(manifest))
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    full, pruned = table.iloc[0], table.iloc[1]
    assert (full["macs"], pruned["macs"], full["boxes"], pruned["boxes"]) == (4231319040, 3607764480, 8732, 7814)
    assert (full["ap_search"], full["ap_sliced"], full["ap"]) == (0.26, 0.25, 0.25)
    assert (pruned["ap_search"], pruned["ap_sliced"], pruned["ap"]) == (0.255, 0.24, 0.251)
    assert pruned["ap_change"] == pytest.approx(0.001)
    assert pruned["gap"] == pytest.approx(0.015)
    assert pruned["saved_macs"] == pytest.approx(1 - 3607764480 / 4231319040)
    assert list(table["budget"]) == [1, 0.9]
    assert not {"compared", "finish"} & set(table)  # where no entry has any


def test_fixed_layouts_and_controls(everything, run_command, tmp_path):
    table = results_table(read_manifest(everything))
    fixed, random, kmeans = (table.iloc[i] for i in (2, 3, 4))
    assert (fixed["method"], fixed["label"], fixed["ap_search"], fixed["ap"]) == ("fixed", "A", 0.2531, 0.251)
    assert fixed["budget"] == 3607764480 / 4231319040  # its exact fraction of the full head's MACs
    assert (random["method"], random["control"], random["ap_search"]) == ("pareto", "random", 0.2531)
    assert (kmeans["control"], kmeans["anchors"], kmeans["ap"]) == ("kmeans", 30, 0.251)
    assert pd.isna([kmeans["ap_search"], kmeans["ap_sliced"], kmeans["ap_change"], random["ap_sliced"]]).all()
    names = [configuration(entry) for entry in read_manifest(everything)[:5]]
    assert names == ["unpruned", "pareto @0.9", "A", "pareto @0.9, random anchors", "pareto @0.9, k-means anchors"]


@pytest.mark.long
def test_the_files_are_those_foretold_and_the_same_each_time(everything, run_command, tmp_path):
    for name in ("first", "second"):
        done = run_command("report", everything, "--published", PUBLISHED, "--output", tmp_path / name)
        assert done.status == 0, done.err
        assert done.json["experiments"] == ["x_1"]
        assert done.err.strip() == OUTSIDE
    files = names_in(tmp_path / "first")
    assert files == sorted(report_files(json.loads(everything.read_text())))
    assert {f"{kind}-x_1.svg" for kind in ("boxes", "overanchorized", "retraining", "removal")} < set(files)
    assert [name for name in files if name.startswith("classes")][::3] == [
        "classes-x_1_baseline.pdf",
        "classes-x_1_many.pdf",
    ]
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    for name in (name for name in files if name.endswith(".svg")):
        assert check_figure(tmp_path / "first", name.removesuffix(".svg"))
    lines = (tmp_path / "first/results.csv").read_text().splitlines()
    assert lines[1].startswith("x_1,ssd300,coco,baseline,0,,1,0 1 2 ")
    last = dict(zip(lines[0].split(","), lines[5].split(","), strict=True))
    assert (last["control"], last["saved_macs"], last["saved_boxes"]) == ("kmeans", "0.0", "0.0")
    assert not any(last[name] for name in ("ap_change", "verdict", "gap", "label", "expected_ap", "voc_map"))
    assert r"x\_1" in (tmp_path / "first/results.tex").read_text()


def test_results_outside_what_is_expected_are_marked(everything, tmp_path):
    whole = section(everything)
    assert list(whole.table["within_expected"].iloc[[0, 1, 5]]) == ["false", "", "true"]
    assert list(whole.table["expected_ap"].iloc[[0, 5]]) == [0.255, 0.255]
    write_results(whole, tmp_path)
    write_paper_table(whole, tmp_path, "table-x_1")
    assert "| 0.250† " in (tmp_path / "results.md").read_text()
    assert "| 0.252 ± 0.003† " in (tmp_path / "table-x_1.md").read_text()  # the mean of 0.250 and 0.254
    for name in ("results", "table-x_1"):
        assert (tmp_path / f"{name}.md").read_text().endswith(f"\n\n† {OUTSIDE}\n")
        escaped = OUTSIDE.replace("_", r"\_").replace("±", r"$\pm$")
        assert rf"$^\dagger$ {escaped}" in (tmp_path / f"{name}.tex").read_text()


def test_the_edge_of_the_tolerance_is_inside(manifest):
    entries = read_manifest(manifest)
    for tolerance, within in ((0.005, "true"), (0.0049, "false"), (None, "")):
        entries[0]["expected"] = {"ap": 0.245, "tolerance": tolerance}  # 0.25 - 0.245 is a little more than 0.005
        assert results_table(entries)["within_expected"].iloc[0] == within


def test_names_of_files_need_neither_matplotlib_nor_torch(manifest):
    program = (
        "import json, sys\n"
        "for name in ('torch', 'mmdet', 'matplotlib', 'pandas', 'numpy'): sys.modules[name] = None\n"
        "from anchorprune.report.contents import report_files\n"
        f"print(report_files(json.load(open({str(manifest)!r}))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "'table-x_1.tex'" in done.stdout
    assert "overanchorized" not in done.stdout


def test_the_order_of_the_parts(everything):
    found = [part.name for part in parts(json.loads(everything.read_text()))]
    assert found == [
        "table-x_1", "changes-x_1", "pareto-x_1", "boxes-x_1", "overanchorized-x_1", "retraining-x_1",
        "classes-x_1_baseline", "classes-x_1_many", "removal-x_1", "layouts-x_1",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [*FIGURES.values(), OF_WAYS], ids=lambda kind: kind.name)
def test_every_figure_says_how_to_read_it(kind):
    """`FIGURES` itself is imported without matplotlib, see above; what it leads to is there."""
    assert FIGURES.get(kind.name, OF_WAYS) is kind
    assert kind.title[0].isupper()
    assert kind.caption.endswith(".")


def test_a_layout_that_was_never_scored(manifest, tmp_path):
    evaluated = pd.read_parquet(tmp_path / "evaluated.parquet")
    evaluated[:1].to_parquet(tmp_path / "evaluated.parquet")
    with pytest.raises(UserError, match=r"evaluated.parquet: the search did not score the layout 0 1 2 3 4 6"):
        results_table(read_manifest(manifest))


@pytest.mark.parametrize(("name", "what"), [("sliced.json", "no such file"), ("front.csv", "no such file")])
def test_a_missing_file_is_named(manifest, run_command, tmp_path, name, what):
    (tmp_path / name).unlink()
    done = run_command("report", manifest, "--output", tmp_path / "out")
    assert done.status == 2
    assert f"{tmp_path / name}: {what}" in done.error_line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"compared": "../up"}, "compared '../up' cannot be part of a file name"),
        ({"experiment": "../up"}, "experiment '../up' cannot be part of a file name"),
        ({"control": "none"}, "unknown control 'none'; known: kmeans, random"),
        ({"budget": None}, "budget None is no number"),
        ({"method": "fixed"}, "a fixed layout needs a 'label'"),
        ({"files": {}}, "files has no 'head'"),
        ({"files": None}, "not a report manifest"),
    ],
)
def test_a_bad_manifest_is_one_line(manifest, change, line):
    entries = json.loads(manifest.read_text())
    entries[1] |= change
    manifest.write_text(json.dumps(entries))
    with pytest.raises(UserError, match=r"manifest\.json: ") as error:
        read_manifest(manifest)
    assert line in str(error.value)


def test_the_published_front_is_drawn(everything):
    published = Published.read(PUBLISHED)
    for axis, column in ((MACS, "head_MACs"), (BOXES, "boxes")):
        figure = tradeoff.draw(section(everything, published), axis)
        theirs = pd.read_csv(PUBLISHED / "ssd300_search_front.csv").sort_values(column)
        lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 54]
        assert len(lines) == 1
        assert list(lines[0].get_xdata()) == list(theirs[column])
        assert [text.get_text() for text in figure.axes[0].texts] == ["A"]
        assert len(figure.axes) == 3


def test_retraining_shows_each_seed_before_and_after(everything):
    baseline, many = retraining.draw(section(everything)).axes
    assert [text.get_text() for text in baseline.get_yticklabels()] == ["pareto @0.9", "A"]
    before_and_after = [line.get_xdata() for line in baseline.lines if line.get_linewidth() == 2]
    assert [list(ends) for ends in before_and_after] == [[0.24, 0.251], [0.24, 0.251], [0.24, 0.255], [0.24, 0.255]]
    unpruned = [line.get_xdata()[0] for line in many.lines if line.get_linestyle() == ":"]
    assert unpruned == [0.27]


def test_anchor_sets_meet_in_one_plot(everything):
    ax = overanchorized.draw(section(everything)).axes[0]
    fronts = [(line.get_color(), list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    cost = [3607764480, 4231319040]
    assert fronts == [(color, cost, [0.255, 0.26]) for color in (COLORS[0], COLORS[0], COLORS[1])]  # two seeds, one
    points = [len(dots.get_offsets()) for dots in ax.collections]
    # unpruned, the same as searched, pruned: controls are left out
    assert points == [1, 1, 2, 1, 1, 2, 1, 1, 1]


def test_every_layout_is_pictured(everything):
    figure = kept_anchors.draw(section(everything))
    titles = [row.get_suptitle() for row in figure.subfigs]
    assert len(titles) == 7  # no k-means control: it has no layout
    assert titles[1] == "baseline anchors, seed 0, A: 19 anchors, 3.608 G MACs, AP 0.251"
    for row in figure.subfigs:  # the levels of a head to one scale
        figure.canvas.draw()
        pixels = {round(float(ax.transData.get_matrix()[0, 0]), 3) for ax in row.axes}
        assert len({ax.get_xlim() for ax in row.axes}) == len(pixels) == 1


@pytest.mark.parametrize("ap", [0.0, -1, None])
def test_plots_of_nothing_to_see(manifest, tmp_path, ap):
    entries = read_manifest(manifest)
    for name in ("unpruned", "sliced", "final"):
        metrics = json.loads((tmp_path / f"{name}.json").read_text())
        (tmp_path / f"{name}.json").write_text(json.dumps({**metrics, "ap": -1 if ap is None else ap}))
    if ap is None:
        entries = [{**entry, "files": {"head": entry["files"]["head"]}} for entry in entries]
    table = results_table(entries)
    assert table["gap"].isna().all() == (ap != 0)  # -1 is no AP to subtract
    low, high = tradeoff.draw(Section(entries, table, Published()), MACS).axes[0].get_ylim()
    assert 0 <= low < high <= 1


@pytest.mark.parametrize(
    ("macs", "text"), [(4231319040, "4.231 G"), (774938880, "774.9 M"), (1500, "1.5 k"), (12, "12")]
)
def test_macs_have_units(macs, text):
    assert format_macs(macs) == text


def test_the_paper_table(everything, tmp_path):
    table = paper_table(section(everything, Published.read(PUBLISHED)))
    assert len(table) == 7
    full, pruned, a = (table.iloc[i] for i in range(3))
    assert (full["configuration"], full["seeds"], full["published_ap"]) == ("unpruned", 2, "0.256")
    assert full["ap"] == pytest.approx(0.252)
    assert full["ap_std"] == pytest.approx(0.004 / 2**0.5)  # of 0.250 and 0.254
    assert pd.isna(full["ap_large"])  # COCO's -1: nothing large to measure
    assert (a["configuration"], a["published_ap_search"], a["published_macs"]) == ("A", "0.256", "3607764480")
    assert (a["macs"], a["published_boxes"]) == (3607764480, "7814")
    assert not pruned["published_ap"]
    assert list(table["anchor_set"][5:]) == ["many", "many"]


def test_published_columns_only_where_something_was_published(everything, tmp_path):
    whole = section(everything, Published.read(PUBLISHED))
    for name, chosen in (("baseline", whole), ("many", whole.where(lambda e: e["anchor_set"] == "many"))):
        write_paper_table(chosen, tmp_path, f"table-{name}")
        text = (tmp_path / f"table-{name}.md").read_text()
        assert ("published head MACs" in text) == (name == "baseline")
        assert ("CVIU 221 (2022) 103445" in text) == (name == "baseline")
    assert "coco2017 val2017" in (tmp_path / "table-baseline.md").read_text()


def test_rounded_published_macs_are_shown_as_given(manifest, tmp_path):
    entries = read_manifest(manifest)
    for entry, name in zip(entries, ("baseline", "pruned"), strict=True):
        entry["published"] = {"detector": "retinanet_r50_fpn_1x", "configuration": name}
    whole = Section(entries, results_table(entries), Published.read(PUBLISHED))
    write_paper_table(whole, tmp_path, "table-r")
    text = (tmp_path / "table-r.md").read_text()
    assert "| 129 G " in text
    assert "| 31 G " in text
    assert "published boxes" not in text  # never published
    assert tradeoff.draw(whole, BOXES).axes  # nor drawn


def test_an_unknown_published_detector_is_named(manifest):
    entries = read_manifest(manifest)
    entries[0]["published"] = {"detector": "ssd300_vgg16", "configuration": "E"}
    assert Published.read(PUBLISHED).row(entries[0]) == {}  # such a layout was never published
    entries[0]["published"] = {"detector": "ssd301", "configuration": "A"}
    with pytest.raises(UserError, match=r"results.csv: no detector 'ssd301'; known: retinanet"):
        Published.read(PUBLISHED).row(entries[0])
    assert Published().row(entries[0]) == {}


def test_published_files_that_are_wrong_are_named(tmp_path):
    with pytest.raises(UserError, match=r"results.csv: no such file of published figures"):
        Published.read(tmp_path)
    (tmp_path / "results.csv").write_text("detector,variant\n")
    with pytest.raises(UserError, match=r"results.csv: column 'configuration' is missing"):
        Published.read(tmp_path)


def test_an_expectation_can_be_of_vocs_map():
    metrics = {"ap": 0.5, "voc_map_11point": 0.76}
    expected = {"ap": 0.765, "tolerance": 0.02, "figure": "voc_map_11point"}
    assert expectation(expected, metrics)["within_expected"] == "true"
    assert expectation({**expected, "tolerance": 0.001}, metrics)["within_expected"] == "false"
    assert remark({**expected, "tolerance": 0.001}, expectation(expected, metrics)) == (
        "VOC_MAP_11POINT 0.760 is outside expected 0.765 ± 0.001"
    )
