"""The plan of this run, and where every file lives. No rules here."""

import json
import os
import sys
from pathlib import Path

from anchorprune.anchors.anchor_sets import expand_anchors
from anchorprune.detectors.configured import check_detectors
from anchorprune.downloads.table import files_of
from anchorprune.errors import UserError
from anchorprune.heads.layout import FIXED
from anchorprune.pipeline import resources
from anchorprune.pipeline.arguments import (
    choose_arguments,
    dataset_arguments,
    detector_arguments,
    layout_arguments,
    options,
)
from anchorprune.pipeline.clock import settle_times
from anchorprune.pipeline.config_files import check_config_files
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.fingerprint import fingerprint
from anchorprune.pipeline.gpus import find_gpus
from anchorprune.pipeline.kept_plan import check_code, code_of, is_kept, keep_plan, take_code
from anchorprune.pipeline.records import NAME
from anchorprune.pipeline.laid_over import over_shipped
from anchorprune.pipeline.runlock import check_cores, check_writable, hold_run_lock
from anchorprune.pipeline.sources import annotation_files, check_given_files, download_roots
from anchorprune.pipeline.ways import AUTO, BASES, SearchFolder, finished_in, search_folder, way_of
from snakemake.settings.types import SharedFSUsage

# Where the pipeline lies: not the main Snakefile's folder in a workflow that has it as a module.
PIPELINE = Path(str(workflow.current_basedir)).parent


def pipeline_file(name):
    """A file of the pipeline: where it lies, or in Snakemake's cache where the module comes from a repository."""
    path = PIPELINE / name
    return os.path.relpath(path) if path.is_file() else workflow.source_path(f"../{name}")


try:
    if is_kept(workflow.overwrite_configfiles):
        check_code(take_code(config))
    elif workflow.modifier.skip_configfile:  # a module, whose workflow may have but one configuration file
        config.update(over_shipped(config))
    check_cores(workflow.resource_settings.cores)
    check_config_files(workflow.configfiles)
    check_writable(Path("results"))
    if workflow.is_main_process:
        settle_times(Path("results"))
    PLAN = plan(config, pipeline_file("config/schemas/experiments.schema.yaml"))
    check_detectors(PLAN)
    check_given_files(PLAN, Path("config/published/results.csv"))
except UserError as error:
    sys.exit(f"anchorprune: error: {error}")

CODE = code_of(PIPELINE, PLAN.config["detectors"]) if workflow.is_main_process else {}


onstart:
    try:
        hold_run_lock(Path(".snakemake"))
        # A cluster's jobs read the Snakefile anew: where they do so from the same disk, an edit could change what they do.
        if not workflow.local_exec and SharedFSUsage.SOURCES in workflow.storage_settings.shared_fs_usage:
            workflow.config_settings.configfiles = [keep_plan(config, CODE, Path(".snakemake"))]
    except UserError as error:
        sys.exit(f"anchorprune: error: {error}")


onerror:
    try:
        if not workflow.local_exec:
            check_code(CODE)
    except UserError as error:
        sys.exit(f"anchorprune: error: {error}")


DATA = "results/data/{dataset}"
TRAINED = "results/{dataset}/{detector}/{anchor_set}/seed-{seed}"
PRUNED = f"{TRAINED}/{{search}}/{{budget}}"


# SEARCH+WAY is of a detector that was fine-tuned before the search; beside it lie controls: SEARCH[+WAY]+random, ..+kmeans.
BASED = rf"(\+({'|'.join(BASES)}))?"
SEARCHED = rf"({'|'.join(PLAN.config['searches'])}){BASED}"
READY_MADE = "|".join(name for name, d in PLAN.config["detectors"].items() if "weights" in d)


wildcard_constraints:
    dataset=NAME,
    detector=NAME,
    anchor_set=NAME,
    seed=r"\d+",
    search=rf"{NAME}{BASED}(\+random)?",
    budget=NAME,
    retrain="scratch|finetune|once",


# GPUs for jobs: what `resources: {gpu: N}` of a profile allows all jobs together, else those of this machine.
if "gpu" in workflow.global_resources:
    GPUS = workflow.global_resources["gpu"].value
else:
    GPUS = 0 if workflow.resource_settings.cores is None else len(find_gpus())  # a cluster's jobs have no --cores
    if GPUS and workflow.is_main_process:
        workflow.register_resource("gpu", GPUS)


def each_attempt(amount):
    """A resource that grows with each retry."""
    return lambda wildcards, attempt: amount * attempt


def memory_of_scoring(wildcards, input, attempt):
    """MB of a job that scores subsets of the candidates in its predictions file."""
    return resources.amount(detector_of(wildcards), "search", "mem_mb", attempt, files=input.size_mb)


def detector_of(wildcards):
    """The configuration of a rule's detector."""
    return PLAN.config["detectors"][wildcards.detector]


def detector_below(folder):
    """The configuration of the detector whose results a folder holds."""
    return PLAN.config["detectors"][folder.split("/")[2]]


def dataset_of(wildcards):
    """The configuration of a rule's data set."""
    return PLAN.config["datasets"][wildcards.dataset]


def checkpoints_before(wildcards):
    """Files of the checkpoints that a job comes after: its data set, and for a pruned detector its layout.

    `dataset` and `choose` are checkpoints, so that what they make anew triggers nothing where it comes out as it was.
    Snakemake looks anew only at jobs that depend on a checkpoint directly, so each says so, be it through other files
    that it comes after one; by their dates alone these trigger nothing.
    """
    names = dict(wildcards.items())
    finished = names.get("folder", "").split("/")[-1]
    if "folder" in names:
        names |= names_in(names.pop("folder"))
    files = [f"{DATA}/dataset.json"]
    folder = search_folder(names.get("search", ""))
    if folder.search in PLAN.config["searches"] and "budget" in names:
        files.append(layout_in(folder._replace(control="")))
    if finished == finished_in(AUTO):
        files.append(f"{PRUNED}/auto/{STEPS[-1]}.json")
    return [ancient(file.format(**names)) for file in files]


def names_in(folder):
    """The wildcards that a folder of results has values of."""
    names = dict(zip(("dataset", "detector", "anchor_set", "seed", "search", "budget"), folder.split("/")[1:]))
    return names | {"seed": names.get("seed", "").removeprefix("seed-")}


def config_file(wildcards):
    """The config file of a rule's detector; nothing for one of mmdet's own, which is no file of the project."""
    config = detector_of(wildcards)["config"]
    return [] if "::" in config else config


def anchors_file(wildcards):
    """The anchors of a rule's anchor set; nothing where they are those of the detector's config."""
    if "from" in PLAN.anchor_set(wildcards.detector, wildcards.anchor_set):
        return []
    return "results/anchors/{detector}/{anchor_set}.json"


def dropout_front(wildcards):
    """The front that a recipe draws subsets of anchors near; nothing where it draws them otherwise."""
    return resources.recipe_of(detector_of(wildcards), wildcards.retrain).get("anchor_dropout", {}).get("front") or []


def detector_words(wildcards, anchors=None):
    """The words that name a rule's detector to a command. Of the wildcards alone: Snakemake holds a parameter made from
    inputs for another form of these, and would not see a changed one.
    """
    anchors = anchors or anchors_file(wildcards)
    return detector_arguments(detector_of(wildcards), anchors and anchors.format(**wildcards))


def images_of(split):
    """A function of the wildcards: the image folder of a split, as the data set's dataset.json records it."""

    def folder(wildcards, input):
        dataset = next(Path(file) for file in input.after if Path(file).name == "dataset.json")
        return str(dataset.parent / json.loads(dataset.read_text())["splits"][split]["images"])

    return folder


def made(wildcards):
    """What a model card says of a pruned detector's making."""
    detector, finished = detector_of(wildcards), wildcards.finished
    if finished == finished_in(AUTO):
        finished = f"{finished}: {decided_folder(wildcards)}"
        wildcards = decided_for(wildcards)
    folder = search_folder(wildcards.search)
    facts = {
        "detector": f"{wildcards.detector}, {detector['config']}",
        "weights": detector.get("weights", f"trained on {wildcards.dataset}, seed {wildcards.seed}"),
    }
    if folder.way:
        recipe = resources.recipe_of(detector, folder.base.removeprefix("retrain-"))
        facts["before the search"] = f"{folder.base} {json.dumps(recipe)}"
    return facts | {
        "search": f"{folder.search} {json.dumps(settings_of(wildcards))}",
        "budget": wildcards.budget,
        "after the search": finished,
    }
