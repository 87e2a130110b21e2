"""dataset: COCO or VOC on disk, or generated scenes -> COCO annotation files of the splits train, prune and test."""


def dataset_arguments(wildcards):
    """The arguments of `anchorprune dataset` for a data set of the configuration."""
    settings = dict(dataset_of(wildcards))
    kind = settings.pop("kind")
    words = [kind]
    for key, value in sorted(settings.items()):
        option = f"--{key.replace('_', '-')}"
        words += (
            [option, *value.values()] if isinstance(value, dict) else [option, value]
        )
    return [str(word) for word in words]


rule dataset:
    """Make a data set's three splits and check that every image is there and whole."""
    input:
        lambda w: annotation_files(dataset_of(w)),
    output:
        dataset=DATA + "/dataset.json",
        train=DATA + "/train.json",
        prune=DATA + "/prune.json",
        test=DATA + "/test.json",
    log:
        DATA + "/dataset.log",
    conda:
        "../environment.yml"
    params:
        arguments=dataset_arguments,
        folder=subpath(output.dataset, parent=True),
    shell:
        "anchorprune dataset {params.arguments:q} --output {params.folder:q} > {log:q} 2>&1"
