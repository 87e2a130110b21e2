"""retrain: a pruned detector trained again, from scratch (the paper's way) or fine-tuned from its slices."""


def retrain_options(wildcards, input):
    """The recipe, and the weights to start from when fine-tuning."""
    detector = detector_of(wildcards)
    if wildcards.retrain == "scratch":
        return recipe_options(detector["training"])
    return f"--finetune {input.weights} {recipe_options(detector['finetuning'])}"


rule retrain:
    """Train a pruned detector again."""
    input:
        config=PRUNED + "/slice/config.py",
        weights=PRUNED + "/slice/weights.pth",
        dataset=DATA + "/dataset.json",
        annotations=DATA + "/train.json",
    output:
        config=PRUNED + "/retrain-{retrain}/config.py",
        weights=PRUNED + "/retrain-{retrain}/weights.pth",
        head=PRUNED + "/retrain-{retrain}/head.json",
    log:
        PRUNED + "/retrain-{retrain}/retrain.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        images=images_of("train"),
        options=retrain_options,
        folder=subpath(output.config, parent=True),
    shell:
        "anchorprune retrain {input.config:q} {params.options}"
        " --annotations {input.annotations:q} --images {params.images:q} --seed {wildcards.seed} --threads {threads}"
        " --output {params.folder:q} > {log:q} 2>&1"
