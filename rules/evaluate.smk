"""evaluate: COCO's figures on the test split, which no search has seen."""


rule evaluate:
    """Evaluate a detector, pruned or not, on the test split."""
    input:
        detector="{folder}/detector.json",
        annotations=lambda w: f"results/data/{w.folder.split('/')[1]}/test.json",
        images=lambda w: f"results/data/{w.folder.split('/')[1]}/test.sha256",
        reference=lambda w: reference_evaluation(w.folder),
        after=checkpoints_before,
    output:
        metrics="{folder}/evaluate/metrics.json",
        detections="{folder}/evaluate/detections.json",
    log:
        "{folder}/evaluate/evaluate.log",
    benchmark:
        "{folder}/evaluate/benchmark.tsv"
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_below(w.folder), "evaluate", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_below(w.folder), "evaluate", "runtime", attempt),
        gpu=resources.gpus({}, GPUS),
    params:
        images=images_of("test"),
        folder=subpath(output.metrics, parent=True),
        detector=subpath(input.detector, parent=True),
        reference=lambda w, input: ["--reference", str(Path(input.reference).parent)] if input.reference else [],
    shell:
        "anchorprune evaluate {params.detector:q} {input.annotations:q} {params.images:q} {params.reference:q}"
        " --threads {threads} --output {params.folder:q} > {log:q} 2>&1"
