"""From experiments to tables and plots; `snakemake --list-rules` names the stages, config/README.md every key."""

import os

from anchorprune.pipeline.kept_plan import is_kept
from snakemake.utils import min_version

min_version("9.20")
os.environ.setdefault("ANCHORPRUNE_PROGRESS", "5")  # seconds between the lines in which a job's log says how far it is


if not is_kept(workflow.overwrite_configfiles):  # a cluster's job has its run's configuration

    configfile: "config/datasets.yaml"
    configfile: "config/detectors.yaml"
    configfile: "config/experiments.yaml"


include: "rules/common.smk"
include: "rules/searched.smk"
include: "rules/decided.smk"
include: "rules/references.smk"
include: "rules/reported.smk"


rule all:
    """Tables, plots, deployed detectors and submissions of the chosen experiments (default)."""
    input:
        report_outputs(),
        published(),
        submissions(),


include: "rules/download.smk"
include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/predict.smk"
include: "rules/search.smk"
include: "rules/layout.smk"
include: "rules/control.smk"
include: "rules/score.smk"
include: "rules/slice.smk"
include: "rules/retrain.smk"
include: "rules/evaluate.smk"
include: "rules/decide.smk"
include: "rules/submission.smk"
include: "rules/deploy.smk"
include: "rules/report.smk"
