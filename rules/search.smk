"""search: which anchors to keep, from the cached predictions and the prune split's annotations.

Once for all budgets: `choose` takes each budget's layout from the search's log. It is a checkpoint, so that a layout that
comes out as it was leaves alone what was made with it.
"""


rule search:
    """Search the subsets of anchors for the best AP at every cost."""
    input:
        predictions=predictions_file,
        annotations=f"{DATA}/prune.json",
        latency_table=lambda w: settings_of(w).get("latency_table", []),
        after=checkpoints_before,
    output:
        front=f"{TRAINED}/{{search}}/search/front.csv",
        evaluated=f"{TRAINED}/{{search}}/search/evaluated.parquet",
        folds=f"{TRAINED}/{{search}}/search/folds.parquet",
        selection=f"{TRAINED}/{{search}}/search/selection.json",
    log:
        f"{TRAINED}/{{search}}/search/search.log",
    benchmark:
        f"{TRAINED}/{{search}}/search/benchmark.tsv"
    wildcard_constraints:
        search=SEARCHED,
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_of_scoring,
        runtime=lambda w, attempt: resources.amount(detector_of(w), "search", "runtime", attempt),
    params:
        arguments=lambda w: options(settings_of(w)),
        folder=subpath(output.front, parent=True),
    shell:
        "anchorprune search {input.predictions:q} {input.annotations:q} {params.arguments:q}"
        " --any-budget --threads {threads} --output {params.folder:q} > {log:q} 2>&1"


checkpoint choose:
    """Take a budget's layout from the log of a search."""
    input:
        log=rules.search.output,
        predictions=predictions_file,
        annotations=f"{DATA}/prune.json",
        latency_table=lambda w: settings_of(w).get("latency_table", []),
        after=ancient(f"{DATA}/dataset.json"),
    output:
        layout=f"{TRAINED}/{{search}}/search/layout-{{budget}}.json",
        choice=f"{TRAINED}/{{search}}/search/choice-{{budget}}.json",
    log:
        f"{TRAINED}/{{search}}/search/choose-{{budget}}.log",
    wildcard_constraints:
        search=SEARCHED,
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of_scoring,
        runtime=each_attempt(20),
    params:
        arguments=lambda w: choose_arguments(settings_of(w)),
        folder=subpath(output.layout, parent=True),
    shell:
        "anchorprune choose {params.folder:q} {input.predictions:q} {input.annotations:q} --budget {wildcards.budget}"
        " {params.arguments:q} --threads {threads} > {log:q} 2>&1"
