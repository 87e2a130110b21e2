"""The plan of this run, and where every file lives. No rules here."""

import json
import sys
from pathlib import Path

from anchorprune import resources
from anchorprune.arguments import dataset_arguments, options, retrain_arguments, search_arguments
from anchorprune.datasets.sources import annotation_files, check_sources
from anchorprune.errors import UserError
from anchorprune.experiments import expand_anchors, plan
from anchorprune.gpus import find_gpus
from anchorprune.runlock import check_writable, hold_run_lock

SCHEMA = Path(workflow.basedir) / "config/schemas/experiments.schema.yaml"

try:
    check_writable(Path("results"))
    PLAN = plan(config, SCHEMA)
    for experiment in PLAN.run:
        check_sources(experiment.dataset, PLAN.config["datasets"][experiment.dataset])
except UserError as error:
    sys.exit(f"anchorprune: error: {error}")


onstart:
    try:
        hold_run_lock(Path(".snakemake"))
    except UserError as error:
        sys.exit(f"anchorprune: error: {error}")


DATA = "results/data/{dataset}"
TRAINED = "results/{dataset}/{detector}/{anchor_set}/seed-{seed}"
PRUNED = f"{TRAINED}/{{search}}/{{budget}}"


wildcard_constraints:
    dataset="[^/]+",
    detector="[^/]+",
    anchor_set="[^/]+",
    seed=r"\d+",
    search="[^/]+",
    budget=r"[0-9.]+",
    retrain="scratch|finetune",


# GPUs of this machine, for jobs that run on it; a cluster's are its own to count (see profiles/slurm).
GPUS = len(find_gpus()) if workflow.local_exec else 0
if GPUS and workflow.is_main_process and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", GPUS)


def each_attempt(amount):
    """A resource that grows with each retry."""
    return lambda wildcards, attempt: amount * attempt


def detector_of(wildcards):
    """The configuration of a rule's detector."""
    return PLAN.config["detectors"][wildcards.detector]


def detector_below(folder):
    """The configuration of the detector whose results a folder holds."""
    return PLAN.config["detectors"][folder.split("/")[2]]


def dataset_of(wildcards):
    """The configuration of a rule's data set."""
    return PLAN.config["datasets"][wildcards.dataset]


def images_of(split):
    """A function of the wildcards: the image folder of a split, as the data set's dataset.json records it."""

    def folder(wildcards, input):
        dataset = Path(input.dataset)
        return str(dataset.parent / json.loads(dataset.read_text())["splits"][split]["images"])

    return folder


def finished_folder(experiment):
    """Where an experiment's finished pruned detector lies, below its budget's folder."""
    return "slice" if experiment.retrain == "none" else f"retrain-{experiment.retrain}"


def report_rows():
    """One entry per detector the report shows: its names, and the files its figures come from."""
    rows = []
    for e in PLAN.run:
        for anchor_set in e.anchor_sets:
            for seed in e.seeds:
                names = dict(
                    dataset=e.dataset,
                    detector=e.detector,
                    anchor_set=anchor_set,
                    seed=seed,
                )
                trained = TRAINED.format(**names)
                names["experiment"] = e.name
                full = {
                    "unpruned": f"{trained}/train/evaluate/metrics.json",
                    "head": f"{trained}/train/head.json",
                    "evaluated": f"{trained}/{e.searches[0]}/search/evaluated.parquet",
                }
                rows.append({**names, "method": "", "budget": 1, "files": full})
                for search in e.searches:
                    found = f"{trained}/{search}/search"
                    for budget in e.budgets:
                        pruned = PRUNED.format(**names, search=search, budget=budget)
                        files = {
                            "sliced": f"{pruned}/slice/evaluate/metrics.json",
                            "metrics": f"{pruned}/{finished_folder(e)}/evaluate/metrics.json",
                            "layout": f"{found}/layout-{budget}.json",
                            "front": f"{found}/front.csv",
                            "evaluated": f"{found}/evaluated.parquet",
                        }
                        rows.append(
                            {
                                **names,
                                "method": search,
                                "budget": budget,
                                "files": {**full, **files},
                            }
                        )
    return rows


def report_inputs():
    """Every file the report reads."""
    return sorted({path for row in report_rows() for path in row["files"].values()})


TABLES = [f"results/report/results.{kind}" for kind in ("csv", "md", "tex")]


def report_outputs():
    """Every file of the report that the chosen experiments give."""
    plots = {f"pareto-{row['experiment']}" for row in report_rows()}
    plots |= {f"layouts-{row['experiment']}" for row in report_rows()}
    return TABLES + [f"results/report/{plot}.{kind}" for plot in sorted(plots) for kind in ("pdf", "svg", "png")]


ALL_BUDGETS = sorted({budget for e in PLAN.run for budget in e.budgets})
