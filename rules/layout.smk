"""layout: a fixed layout, which the configuration names and no search finds."""


rule layout:
    """Write down a layout of the configuration."""
    input:
        head=f"{TRAINED}/train/head.json",
        after=checkpoints_before,
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
