"""search: which anchors to keep, from the cached predictions and the prune split's annotations."""


rule search:
    """Search the subsets of anchors for the best AP at every cost; one layout per budget."""
    input:
        predictions=f"{TRAINED}/predict/predictions.parquet",
        annotations=f"{DATA}/prune.json",
        latency_table=lambda w: PLAN.config["searches"][w.search].get("latency_table", []),
    output:
        front=f"{TRAINED}/{{search}}/search/front.csv",
        evaluated=f"{TRAINED}/{{search}}/search/evaluated.parquet",
        selection=f"{TRAINED}/{{search}}/search/selection.json",
        layouts=[f"{TRAINED}/{{search}}/search/layout-{budget}.json" for budget in ALL_BUDGETS],
    log:
        f"{TRAINED}/{{search}}/search/search.log",
    benchmark:
        f"{TRAINED}/{{search}}/search/benchmark.tsv"
    wildcard_constraints:
        search="|".join(PLAN.config["searches"]),
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=each_attempt(3000),
        runtime=each_attempt(60),
    params:
        arguments=lambda w: search_arguments(PLAN.config["searches"][w.search], ALL_BUDGETS),
        folder=subpath(output.front, parent=True),
    shell:
        "anchorprune search {input.predictions:q} {input.annotations:q} {params.arguments:q}"
        " --threads {threads} --output {params.folder:q} > {log:q} 2>&1"
