"""train: a detector with an anchor set, trained on the train split.

Checkpoints are no output of the rule (a failed job's outputs are deleted): a killed training goes on from its last.
"""


rule anchors:
    """Spell out an anchor set of the configuration."""
    output:
        "results/anchors/{detector}/{anchor_set}.json",
    log:
        "results/anchors/{detector}/{anchor_set}.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        anchors=lambda w: json.dumps(expand_anchors(detector_of(w)["anchor_sets"][w.anchor_set])),
    shell:
        "printf '%s\n' {params.anchors:q} > {output:q} 2> {log:q}"


rule train:
    """Train a detector with an anchor set from scratch."""
    input:
        config=lambda w: detector_of(w)["config"],
        anchors="results/anchors/{detector}/{anchor_set}.json",
        dataset=f"{DATA}/dataset.json",
        annotations=f"{DATA}/train.json",
    output:
        config=f"{TRAINED}/train/config.py",
        weights=f"{TRAINED}/train/weights.pth",
        head=f"{TRAINED}/train/head.json",
    log:
        f"{TRAINED}/train/train.log",
    benchmark:
        f"{TRAINED}/train/benchmark.tsv"
    conda:
        "../environment.yml"
    threads: lambda w: resources.threads(detector_of(w)["training"])
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "train", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "train", "runtime", attempt),
        gpu=lambda w: resources.gpus(detector_of(w)["training"], GPUS),
    params:
        images=images_of("train"),
        recipe=lambda w: options(detector_of(w)["training"]),
        folder=subpath(output.config, parent=True),
    shell:
        "anchorprune train {input.config:q} --name {wildcards.detector}-{wildcards.anchor_set} --anchors {input.anchors:q}"
        " --annotations {input.annotations:q} --images {params.images:q} --seed {wildcards.seed}"
        " {params.recipe:q} --output {params.folder:q} > {log:q} 2>&1"
