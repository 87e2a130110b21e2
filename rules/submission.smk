"""submission: detections on COCO's test-dev, in the evaluation server's form."""


rule submission:
    """Detect on test-dev and zip the detections for the server."""
    input:
        detector="{folder}/detector.json",
        image_info=lambda w: test_dev_below(w.folder)["image_info"],
        after=checkpoints_before,
    output:
        "{folder}/submission/detections_test-dev2017_{name}_results.zip",
    log:
        "{folder}/submission/{name}.log",
    benchmark:
        "{folder}/submission/{name}.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_below(w.folder), "evaluate", "mem_mb", attempt),
        runtime=lambda w, attempt: 4 * resources.amount(detector_below(w.folder), "evaluate", "runtime", attempt),
        gpu=resources.gpus({}, GPUS),
    params:
        images=lambda w: test_dev_below(w.folder)["images"],
        folder=subpath(output[0], parent=True),
        detector=subpath(input.detector, parent=True),
    shell:
        "anchorprune submission {params.detector:q} {input.image_info:q} {params.images:q}"
        " --name {wildcards.name:q} --output {params.folder:q} > {log:q} 2>&1"
