"""score: a layout's AP on the prune split, from the cached predictions, where no search has scored it."""


rule score:
    """The AP on the prune split of a layout that no search found."""
    input:
        predictions=predictions_file,
        annotations=f"{DATA}/prune.json",
        layout=lambda w: [] if w.budget == "full" else layout_file(w),
        after=checkpoints_before,
    output:
        f"{PRUNED}/score.json",
    log:
        f"{PRUNED}/score.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of_scoring,
        runtime=each_attempt(20),
    params:
        layout=lambda w, input: ["--layout", input.layout] if input.layout else [],
    shell:
        "anchorprune score {input.predictions:q} {input.annotations:q} {params.layout:q}"
        " --threads {threads} --output {output:q} > {log:q} 2>&1"
