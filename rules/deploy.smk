"""deploy: everything that it takes to run a finished pruned detector, in one folder."""


rule publish:
    """Write a detector's complete config, weights, layout, figures and model card."""
    input:
        config=f"{PRUNED}/{{finished}}/config.py",
        weights=f"{PRUNED}/{{finished}}/weights.pth",
        metrics=f"{PRUNED}/{{finished}}/evaluate/metrics.json",
        full=f"{TRAINED}/train/evaluate/metrics.json",
        head=f"{TRAINED}/train/head.json",
        layout=layout_file,
        dataset=f"{DATA}/dataset.json",
    output:
        config=f"{PRUNED}/{{finished}}/deploy/config.py",
        weights=f"{PRUNED}/{{finished}}/deploy/weights.pth",
        layout=f"{PRUNED}/{{finished}}/deploy/layout.json",
        metrics=f"{PRUNED}/{{finished}}/deploy/metrics.json",
        card=f"{PRUNED}/{{finished}}/deploy/README.md",
    log:
        f"{PRUNED}/{{finished}}/deploy/publish.log",
    wildcard_constraints:
        finished="slice|retrain-scratch|retrain-finetune",
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(20),
    params:
        evaluation=subpath(input.metrics, parent=True),
        full=subpath(input.full, parent=True),
        folder=subpath(output.card, parent=True),
        facts=lambda w: [word for key, value in made(w).items() for word in ("--fact", f"{key}={value}")],
    shell:
        "anchorprune publish {input.config:q} {input.weights:q} --layout {input.layout:q} --head {input.head:q}"
        " --evaluation {params.evaluation:q} --full-evaluation {params.full:q} --dataset {input.dataset:q}"
        " --name {wildcards.detector}-{wildcards.search}-{wildcards.budget} {params.facts:q}"
        " --output {params.folder:q} > {log:q} 2>&1"
