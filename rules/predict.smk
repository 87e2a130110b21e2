"""predict: the raw predictions of a trained detector on the prune split, before NMS."""


rule predict:
    """Cache every (box, class) pair above the score threshold, for the search."""
    input:
        config=TRAINED + "/train/config.py",
        weights=TRAINED + "/train/weights.pth",
        dataset=DATA + "/dataset.json",
        annotations=DATA + "/prune.json",
    output:
        TRAINED + "/predict/predictions.parquet",
    log:
        TRAINED + "/predict/predict.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        images=images_of("prune"),
    shell:
        "anchorprune predict {input.config:q} {input.weights:q} {input.annotations:q} {params.images:q}"
        " --threads {threads} --output {output:q} > {log:q} 2>&1"
