"""layouts: those that no search finds: fixed by the configuration, and controls drawn beside a pruned detector's."""


rule layout:
    """Write down a layout of the configuration."""
    input:
        head=f"{TRAINED}/train/head.json",
    output:
        f"{TRAINED}/{FIXED}/layout-{{budget}}.json",
    log:
        f"{TRAINED}/{FIXED}/layout-{{budget}}.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        arguments=lambda w: layout_arguments(PLAN.anchor_set(w.detector, w.anchor_set)["layouts"].get(w.budget, {})),
    shell:
        "anchorprune layout {input.head:q} {params.arguments:q} --output {output:q} > {log:q} 2>&1"


rule random_control:
    """Draw as many anchors on each level as a pruned detector has."""
    input:
        head=f"{TRAINED}/train/head.json",
        layout=layout_file,
    output:
        f"{TRAINED}/{{search}}+random/layout-{{budget}}.json",
    log:
        f"{TRAINED}/{{search}}+random/layout-{{budget}}.log",
    wildcard_constraints:
        search=NAME,
    conda:
        "../environment.yml"
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "anchorprune control random {input.head:q} {input.layout:q} --seed {wildcards.seed} --output {output:q}"
        " > {log:q} 2>&1"


rule kmeans_control:
    """Fit as many anchors on each level as a pruned detector has to the boxes of the train split."""
    input:
        head=f"{TRAINED}/train/head.json",
        layout=layout_file,
        annotations=f"{DATA}/train.json",
    output:
        f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.json",
    log:
        f"{TRAINED}/{{search}}+kmeans/anchors-{{budget}}.log",
    wildcard_constraints:
        search=NAME,
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(30),
    shell:
        "anchorprune control kmeans {input.head:q} {input.layout:q} {input.annotations:q}"
        " --seed {wildcards.seed} --output {output:q} > {log:q} 2>&1"


rule score:
    """The AP on the prune split of a layout that no search found."""
    input:
        predictions=f"{TRAINED}/predict/predictions.parquet",
        annotations=f"{DATA}/prune.json",
        layout=lambda w: [] if w.budget == "full" else layout_file(w),
    output:
        f"{PRUNED}/score.json",
    log:
        f"{PRUNED}/score.log",
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(20),
    params:
        layout=lambda w, input: ["--layout", input.layout] if input.layout else [],
    shell:
        "anchorprune score {input.predictions:q} {input.annotations:q} {params.layout:q} > {output:q} 2> {log:q}"
