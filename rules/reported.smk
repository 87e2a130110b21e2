"""What the report shows, and the files it reads. No rules here."""

import itertools
import re
import time
from datetime import timedelta

from anchorprune.pipeline.report_folder import DEFAULT_FOLDER, report_folder, shown
from anchorprune.report.contents import PAGE, TEXT, experiment_files, on_one_page, overall_files

FOLDER = report_folder(PLAN.config, [e.name for e in PLAN.run], Path("results"))
REPORT = f"results/{FOLDER}"
BEGAN = time.time()
if workflow.is_main_process and FOLDER != DEFAULT_FOLDER:
    others = ", ".join(sorted(shown(Path("results") / DEFAULT_FOLDER))[:5]) or "nothing"
    print(f"anchorprune: the report goes to {REPORT} (results/{DEFAULT_FOLDER} shows {others})", file=sys.stderr)


def closing_words(folder):
    """What a run ends with: its results, where it was for them, and where the page lies."""
    text, page = folder / TEXT, folder / PAGE
    if not text.exists() or text.stat().st_mtime < BEGAN:
        return []
    took = timedelta(seconds=round(time.time() - BEGAN))
    return [f"anchorprune: done in {took}\n\n{text.read_text()}\nThe page: {page.resolve()}"]


def full_files(experiment, names):
    """What the report reads of an unpruned detector."""
    trained, folder = TRAINED.format(**names), SearchFolder(FIXED, way_of(experiment.retrain), "")
    reference = reference_of(trained, names["detector"], str(folder), finished_in(experiment.retrain))
    files = {
        "unpruned": f"{trained}/{folder.base}/evaluate/metrics.json",
        "reference": f"{reference}/evaluate/metrics.json",
        "data": f"{DATA}/dataset.json".format(**names),
        "head": f"{trained}/{folder.base}/head.json",
        "predictions": f"{trained}/{folder.predictions}/predictions.parquet",
        "annotations": f"{DATA}/prune.json".format(**names),
        # For example images: what was found on them, and by their hashes the images of the test split themselves.
        "reference_detections": f"{reference}/evaluate/detections.json",
        "test": f"{DATA}/test.json".format(**names),
        "test_images": f"{DATA}/test.sha256".format(**names),
    }
    if experiment.searches:
        return {
            **files,
            "evaluated": f"{trained}/{folder._replace(search=experiment.searches[0])}/search/evaluated.parquet",
        }
    return {**files, "score": f"{trained}/{folder}/full/score.json"}


def pruned_files(experiment, names, pruned):
    """What the report reads of a pruned detector, beside its unpruned one's files."""
    search = SearchFolder(pruned.search, way_of(experiment.retrain), pruned.control)
    folder = PRUNED.format(**names, search=search, budget=pruned.budget)
    if pruned.control == "kmeans":
        return {"control_head": f"{folder}/train/head.json", "metrics": f"{folder}/train/evaluate/metrics.json"}
    files = {
        "sliced": f"{folder}/slice/evaluate/metrics.json",
        "metrics": f"{folder}/{finished_in(experiment.retrain)}/evaluate/metrics.json",
        "detections": f"{folder}/{finished_in(experiment.retrain)}/evaluate/detections.json",
        "layout": layout_in(search).format(**names, budget=pruned.budget),
    }
    if experiment.retrain == AUTO:  # layout, slice and what is said of them: of what was taken in the end
        decision = f"{folder}/{finished_in(AUTO)}/decision.json"
        files |= {"decision": decision, "layout": f"{folder}/{finished_in(AUTO)}/layout.json", "score": decision}
        files["sliced"] = f"{folder}/auto/sliced.json"
    if pruned.search == FIXED or pruned.control:
        return {"score": f"{folder}/score.json", **files}
    beside = str(Path(folder).parent)
    return {
        **files,
        "choice": files.get("decision", f"{beside}/search/choice-{pruned.budget}.json"),
        "front": f"{beside}/search/front.csv",
        "evaluated": f"{beside}/search/evaluated.parquet",
        "selection": f"{beside}/search/selection.json",
    }


def published_row(experiment, label):
    """Which row of the published figures stands beside a detector: CONFIGURATION or CONFIGURATION-VARIANT."""
    if not (experiment.published and label):
        return None
    configuration, _, variant = label.partition("-")
    return {"detector": experiment.published, "configuration": configuration, "variant": variant}


def expected_of(e):
    """What the configuration expects of the unpruned detector, where it is reported as it was first trained."""
    return {} if way_of(e.retrain) else e.expected


def experiment_rows(e):
    """One entry per detector of an experiment that the report shows: its names, and the files its figures come from."""
    rows = []
    for anchor_set, seed in itertools.product(e.anchor_sets, e.seeds):
        names = dict(dataset=e.dataset, detector=e.detector, anchor_set=anchor_set, seed=seed)
        full, first = full_files(e, names), anchor_set == e.anchor_sets[0]
        entry = {"experiment": e.name, "compared": e.compared, **names, "retrain": e.retrain}
        entry |= {"method": "", "budget": 1, "label": None}
        entry |= {
            "description": e.description,
            "control": "",
            "no_loss": e.no_loss,
            "expected": expected_of(e) if first else {},
            "files": full,
        }
        rows.append({**entry, "published": published_row(e, "baseline" if first else None)})
        for pruned in PLAN.pruned(e, anchor_set):
            budget, label = (None, pruned.budget) if pruned.search == FIXED else (pruned.budget, None)
            entry |= {"cost": PLAN.config["searches"].get(pruned.search, {}).get("cost", "macs")}
            entry |= {"method": pruned.search, "budget": budget, "label": label, "control": pruned.control}
            entry |= {"expected": {}, "published": published_row(e, None if pruned.control else label)}
            rows.append({**entry, "files": {**full, **pruned_files(e, names, pruned)}})
    return rows


ROWS = {e.name: experiment_rows(e) for e in PLAN.run}


def report_rows():
    """The entries of all experiments."""
    return [row for rows in ROWS.values() for row in rows]


def published():
    """The model card of every detector that the chosen experiments deploy."""
    cards = []
    for e in PLAN.run:
        for anchor_set, seed in itertools.product(e.anchor_sets, e.seeds) if e.deploy else ():
            names = dict(dataset=e.dataset, detector=e.detector, anchor_set=anchor_set, seed=seed)
            for pruned in PLAN.pruned(e, anchor_set):
                if not pruned.control:
                    folder = PRUNED.format(
                        **names, search=SearchFolder(pruned.search, way_of(e.retrain), ""), budget=pruned.budget
                    )
                    cards.append(f"{folder}/{finished_in(e.retrain)}/deploy/README.md")
    return cards


def experiment_inputs(name):
    """Every file that the report of an experiment reads."""
    return sorted({path for row in ROWS[name] for path in row["files"].values()})


def report_inputs():
    """Every file the report reads."""
    return sorted({path for name in ROWS for path in experiment_inputs(name)})


def in_report(name, category):
    """A file of the report as a rule's output; of a part's forms one is an item of Snakemake's own report.

    Of the pages, that of all experiments, which shows whole what the others show, unless there are too many.
    """
    path, part, form = f"{REPORT}/{name}", Path(name).stem, Path(name).suffix
    if form not in (".html", ".csv", ".svg") or (form == ".html" and name != PAGE and on_one_page(report_rows())):
        return path
    kind, _, of = ("page", "", "") if form == ".html" else part.partition("-")
    caption = f"captions/{kind}.rst"
    known = (Path(workflow.basedir) / "rules" / caption).is_file()
    labels = {"part": kind, "anchors": of.partition("_")[2] or "all", "form": form[1:]}
    group = {".html": "page", ".csv": "tables", ".svg": "figures"}[form]
    caption = caption if known else "captions/other.rst"
    return report(path, caption=caption, category=category, subcategory=group, labels=labels)


def report_forms():
    """Names of an experiment's report files, with {experiment} for its name -> the experiments that have these."""
    forms = {}
    for name, rows in ROWS.items():
        files = experiment_files([{**row, "experiment": "{experiment}"} for row in rows])
        forms.setdefault(tuple(files), []).append(name)
    return forms


def experiments_outputs():
    """Every file of the report that is about one experiment."""
    return [f"{REPORT}/{name}" for rows in ROWS.values() for name in experiment_files(rows)]


def report_shown():
    """What the page of all experiments shows beside their results: figures, where it shows them all."""
    return experiments_outputs() if on_one_page(report_rows()) else []


def report_outputs():
    """Every file of the report that the chosen experiments give."""
    return [*(f"{REPORT}/{name}" for name in overall_files(report_rows())), *experiments_outputs()]


def test_dev_below(folder):
    """Image list and images of the test-dev submissions that a folder's data set and detector are asked for."""
    dataset, detector = folder.split("/")[1:3]
    return next(e.test_dev for e in PLAN.run if e.test_dev and (e.dataset, e.detector) == (dataset, detector))


def submissions():
    """The submission of every finished detector of the experiments that ask for them, named by its folder."""
    asked = {e.name for e in PLAN.run if e.test_dev}
    finished = [
        row["files"].get("metrics", row["files"]["unpruned"]) for row in report_rows() if row["experiment"] in asked
    ]
    folders = [Path(metrics).parents[1] for metrics in finished]
    names = [re.sub("[^A-Za-z0-9-]", "-", "-".join(folder.parts[2:])) for folder in folders]
    return [f"{folder}/submission/detections_test-dev2017_{name}_results.zip" for folder, name in zip(folders, names)]
