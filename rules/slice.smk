"""slice: the trained detector without the channels of the anchors that a layout drops."""


rule slice:
    """Cut a layout's detector out of the trained one."""
    input:
        config=f"{TRAINED}/train/config.py",
        weights=f"{TRAINED}/train/weights.pth",
        layout=layout_file,
    output:
        config=f"{PRUNED}/slice/config.py",
        weights=f"{PRUNED}/slice/weights.pth",
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
        folder=subpath(output.config, parent=True),
    shell:
        "anchorprune slice {input.config:q} {input.weights:q} {input.layout:q} --output {params.folder:q} > {log:q} 2>&1"
