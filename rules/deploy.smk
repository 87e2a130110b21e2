"""deploy: everything that it takes to run a finished pruned detector, in one folder."""


rule deploy:
    """Write a detector's ONNX models, and measure their AP."""
    input:
        detector=f"{PRUNED}/{{finished}}/detector.json",
        annotations=f"{DATA}/test.json",
        images=f"{DATA}/test.sha256",
        after=checkpoints_before,
    output:
        model=f"{PRUNED}/{{finished}}/onnx/model.onnx",
        raw=f"{PRUNED}/{{finished}}/onnx/model-raw.onnx",
        decoded=f"{PRUNED}/{{finished}}/onnx/model-decoded.onnx",
        metrics=f"{PRUNED}/{{finished}}/onnx/metrics-onnx.json",
    log:
        f"{PRUNED}/{{finished}}/onnx/deploy.log",
    benchmark:
        f"{PRUNED}/{{finished}}/onnx/benchmark.tsv"
    wildcard_constraints:
        finished="slice|retrain-scratch|retrain-finetune|retrain-auto",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "deploy", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "deploy", "runtime", attempt),
    params:
        detector=subpath(input.detector, parent=True),
        images=images_of("test"),
        folder=subpath(output.model, parent=True),
    shell:
        "anchorprune deploy {params.detector:q} --annotations {input.annotations:q}"
        " --images {params.images:q} --threads {threads} --output {params.folder:q} > {log:q} 2>&1"


rule publish:
    """Put a detector's complete config, weights, layout, figures, ONNX models and model card into one folder."""
    input:
        detector=f"{PRUNED}/{{finished}}/detector.json",
        metrics=f"{PRUNED}/{{finished}}/evaluate/metrics.json",
        onnx=f"{PRUNED}/{{finished}}/onnx/model.onnx",
        full=lambda w: reference_evaluation(f"{PRUNED}/{{finished}}".format(**w)),
        head=base_file("head.json"),
        layout=lambda w: f"{PRUNED}/retrain-auto/layout.json" if w.finished == "retrain-auto" else layout_file(w),
        dataset=f"{DATA}/dataset.json",
        after=checkpoints_before,
    output:
        layout=f"{PRUNED}/{{finished}}/deploy/layout.json",
        metrics=f"{PRUNED}/{{finished}}/deploy/metrics.json",
        model=f"{PRUNED}/{{finished}}/deploy/model.onnx",
        card=f"{PRUNED}/{{finished}}/deploy/README.md",
    log:
        f"{PRUNED}/{{finished}}/deploy/publish.log",
    wildcard_constraints:
        finished="slice|retrain-scratch|retrain-finetune|retrain-auto",
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(20),
    params:
        detector=subpath(input.detector, parent=True),
        evaluation=subpath(input.metrics, parent=True),
        full=subpath(input.full, parent=True),
        export=subpath(input.onnx, parent=True),
        folder=subpath(output.card, parent=True),
        facts=lambda w: [word for key, value in made(w).items() for word in ("--fact", f"{key}={value}")],
    shell:
        "anchorprune publish {params.detector:q} --layout {input.layout:q} --head {input.head:q}"
        " --evaluation {params.evaluation:q} --full-evaluation {params.full:q} --dataset {input.dataset:q}"
        " --export {params.export:q}"
        " --name {wildcards.detector}-{wildcards.search}-{wildcards.budget} {params.facts:q}"
        " --threads {threads} --output {params.folder:q} > {log:q} 2>&1"
