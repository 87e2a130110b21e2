"""control: what a pruned detector is held against: as many anchors per level, drawn at random or k-means and trained."""


rule random_control:
    """Draw as many anchors on each level as a pruned detector has."""
    input:
        head=base_file("head.json"),
        layout=layout_file,
        after=checkpoints_before,
    output:
        f"{TRAINED}/{{search}}+random/layout-{{budget}}.json",
    log:
        f"{TRAINED}/{{search}}+random/layout-{{budget}}.log",
    wildcard_constraints:
        search=NAME + BASED,
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "anchorprune control random {input.head:q} {input.layout:q} --seed {wildcards.seed} --output {output:q}"
        " > {log:q} 2>&1"


rule kmeans_control:
    """Fit as many anchors on each level as a pruned detector has to the boxes of the train split."""
    input:
        head=base_file("head.json"),
        layout=layout_file,
        annotations=f"{DATA}/train.json",
        after=checkpoints_before,
    output:
        f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.json",
    log:
        f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.log",
    wildcard_constraints:
        search=NAME + BASED,
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(30),
    shell:
        "anchorprune control kmeans {input.head:q} {input.layout:q} {input.annotations:q}"
        " --seed {wildcards.seed} --output {output:q} > {log:q} 2>&1"


rule train_control:
    """Train a detector with k-means anchors from scratch, beside a pruned one with as many."""
    input:
        config=config_file,
        anchors=f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.json",
        annotations=f"{DATA}/train.json",
        images=f"{DATA}/train.sha256",
        after=checkpoints_before,
    output:
        detector=f"{TRAINED}/{{search}}+kmeans/{{budget}}/train/detector.json",
        head=f"{TRAINED}/{{search}}+kmeans/{{budget}}/train/head.json",
    log:
        f"{TRAINED}/{{search}}+kmeans/{{budget}}/train/train.log",
    benchmark:
        f"{TRAINED}/{{search}}+kmeans/{{budget}}/train/benchmark.tsv"
    wildcard_constraints:
        search=NAME + BASED,
    conda:
        "../environment.yml"
    threads: lambda w: resources.threads(detector_of(w)["training"])
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "train", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "train", "runtime", attempt),
        gpu=lambda w: resources.gpus(detector_of(w)["training"], GPUS),
    params:
        images=images_of("train"),
        detector=lambda w: detector_words(w, f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.json"),
        recipe=lambda w: options(detector_of(w)["training"]),
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune train {params.detector:q} --name {wildcards.detector}-kmeans"
        " --annotations {input.annotations:q} --images {params.images:q} --seed {wildcards.seed}"
        " {params.recipe:q} --output {params.folder:q} > {log:q} 2>&1"
