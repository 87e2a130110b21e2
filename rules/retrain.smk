"""retrain: a pruned detector trained again, from scratch (the paper's way) or fine-tuned, and the unpruned one likewise.

Pruned detectors are compared with the unpruned one that was trained as long. Budgets that come to one layout train once.
With `once` the unpruned one alone is trained again, with anchor dropout: pruned ones are cut out of it.
"""


rule retrain:
    """Train a pruned detector again."""
    input:
        detector=f"{PRUNED}/slice/detector.json",
        annotations=f"{DATA}/train.json",
        images=f"{DATA}/train.sha256",
        front=dropout_front,
        after=checkpoints_before,
    output:
        detector=f"{PRUNED}/retrain-{{retrain}}/detector.json",
        head=f"{PRUNED}/retrain-{{retrain}}/head.json",
    log:
        f"{PRUNED}/retrain-{{retrain}}/retrain.log",
    benchmark:
        f"{PRUNED}/retrain-{{retrain}}/benchmark.tsv"
    wildcard_constraints:
        retrain="scratch|finetune",
    conda:
        "../environment.yml"
    threads: lambda w: resources.threads(resources.recipe_of(detector_of(w), w.retrain))
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "retrain", "mem_mb", attempt, w.retrain),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "retrain", "runtime", attempt, w.retrain),
        gpu=lambda w: resources.gpus(resources.recipe_of(detector_of(w), w.retrain), GPUS),
    params:
        images=images_of("train"),
        detector=subpath(input.detector, parent=True),
        recipe=lambda w: options(resources.recipe_of(detector_of(w), w.retrain)),
        start=lambda w, input: ["--finetune", str(Path(input.detector).parent)] if w.retrain != "scratch" else [],
        # Beside a training with anchor dropout, notes of its own: a plain one of the same layout is another.
        known=lambda w: f"{TRAINED}/retrained{'-once' if w.retrain == 'once' else ''}".format(**w),
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune retrain {params.detector:q} {params.start:q} {params.recipe:q}"
        " --annotations {input.annotations:q} --images {params.images:q} --seed {wildcards.seed}"
        " --known {params.known:q} --output {params.folder:q} > {log:q} 2>&1"


use rule retrain as retrain_unpruned with:
    input:
        detector=f"{TRAINED}/train/detector.json",
        annotations=f"{DATA}/train.json",
        images=f"{DATA}/train.sha256",
        front=dropout_front,
        after=checkpoints_before,
    output:
        detector=f"{TRAINED}/retrain-{{retrain}}/detector.json",
        head=f"{TRAINED}/retrain-{{retrain}}/head.json",
    log:
        f"{TRAINED}/retrain-{{retrain}}/retrain.log",
    benchmark:
        f"{TRAINED}/retrain-{{retrain}}/benchmark.tsv"
    wildcard_constraints:
        retrain="scratch|finetune|once",
