"""predict: the raw predictions of an unpruned detector on the prune split, before NMS: as trained, or trained again."""


rule predict:
    """Cache every (box, class) pair above the score threshold, for the search."""
    input:
        detector=f"{TRAINED}/train/detector.json",
        annotations=f"{DATA}/prune.json",
        images=f"{DATA}/prune.sha256",
        after=checkpoints_before,
    output:
        f"{TRAINED}/predict/predictions.parquet",
    log:
        f"{TRAINED}/predict/predict.log",
    benchmark:
        f"{TRAINED}/predict/benchmark.tsv"
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "predict", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "predict", "runtime", attempt),
        gpu=resources.gpus({}, GPUS),
    params:
        detector=subpath(input.detector, parent=True),
        images=images_of("prune"),
    shell:
        "anchorprune predict {params.detector:q} {input.annotations:q} {params.images:q}"
        " --threads {threads} --output {output:q} > {log:q} 2>&1"


use rule predict as predict_retrained with:
    input:
        detector=f"{TRAINED}/retrain-{{retrain}}/detector.json",
        annotations=f"{DATA}/prune.json",
        images=f"{DATA}/prune.sha256",
        after=checkpoints_before,
    output:
        f"{TRAINED}/retrain-{{retrain}}/predict/predictions.parquet",
    log:
        f"{TRAINED}/retrain-{{retrain}}/predict/predict.log",
    benchmark:
        f"{TRAINED}/retrain-{{retrain}}/predict/benchmark.tsv"
