"""dataset: COCO or VOC on disk, or generated scenes -> COCO annotation files of the splits train, prune and test.

A checkpoint: what was made with a split is made again only where the split comes out other than it was, box or pixel.
"""


checkpoint dataset:
    """Make a data set's three splits and check that every image is there and whole."""
    input:
        lambda w: annotation_files(dataset_of(w)),
    output:
        dataset=f"{DATA}/dataset.json",
        train=f"{DATA}/train.json",
        prune=f"{DATA}/prune.json",
        test=f"{DATA}/test.json",
        train_images=f"{DATA}/train.sha256",
        prune_images=f"{DATA}/prune.sha256",
        test_images=f"{DATA}/test.sha256",
    log:
        f"{DATA}/dataset.log",
    benchmark:
        f"{DATA}/benchmark.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(60),
    params:
        arguments=lambda w: dataset_arguments(dataset_of(w)),
        folder=subpath(output.dataset, parent=True),
        files=lambda w: fingerprint(dataset_of(w)),
    shell:
        "anchorprune dataset {params.arguments:q} --output {params.folder:q} > {log:q} 2>&1"
