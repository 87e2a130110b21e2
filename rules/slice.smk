"""slice: an unpruned detector without the channels of the anchors that a layout drops."""


rule slice:
    """Cut a layout's detector out of the one that was searched."""
    input:
        detector=base_file("detector.json"),
        layout=layout_file,
        after=checkpoints_before,
    output:
        detector=f"{PRUNED}/slice/detector.json",
        head=f"{PRUNED}/slice/head.json",
    log:
        f"{PRUNED}/slice/slice.log",
    benchmark:
        f"{PRUNED}/slice/benchmark.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        detector=subpath(input.detector, parent=True),
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune slice {params.detector:q} {input.layout:q} --output {params.folder:q} > {log:q} 2>&1"
