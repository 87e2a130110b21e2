"""train: a detector with an anchor set, trained on the train split, or taken over with its own weights.

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


rule convert:
    """Take over a detector's own weights instead of training it."""
    input:
        config=config_file,
        anchors=anchors_file,
        weights=lambda w: detector_of(w)["weights"],
    output:
        detector=f"{TRAINED}/train/detector.json",
        head=f"{TRAINED}/train/head.json",
    log:
        f"{TRAINED}/train/convert.log",
    benchmark:
        f"{TRAINED}/train/benchmark.tsv"
    wildcard_constraints:
        detector=READY_MADE or "(?!)",
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(10),
    params:
        arguments=detector_words,
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune convert {params.arguments:q} {input.weights:q}"
        " --name {wildcards.detector}-{wildcards.anchor_set} --output {params.folder:q} > {log:q} 2>&1"


rule train:
    """Train a detector with an anchor set from scratch."""
    input:
        config=config_file,
        anchors=anchors_file,
        annotations=f"{DATA}/train.json",
        images=f"{DATA}/train.sha256",
        after=checkpoints_before,
    output:
        detector=f"{TRAINED}/train/detector.json",
        head=f"{TRAINED}/train/head.json",
    log:
        f"{TRAINED}/train/train.log",
    benchmark:
        f"{TRAINED}/train/benchmark.tsv"
    wildcard_constraints:
        detector=f"(?!({READY_MADE})/){NAME}" if READY_MADE else NAME,
    conda:
        "../environment.yml"
    threads: lambda w: resources.threads(detector_of(w)["training"])
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "train", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "train", "runtime", attempt),
        gpu=lambda w: resources.gpus(detector_of(w)["training"], GPUS),
    params:
        images=images_of("train"),
        detector=detector_words,
        recipe=lambda w: options(detector_of(w)["training"]),
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune train {params.detector:q} --name {wildcards.detector}-{wildcards.anchor_set}"
        " --annotations {input.annotations:q} --images {params.images:q} --seed {wildcards.seed}"
        " {params.recipe:q} --output {params.folder:q} > {log:q} 2>&1"
