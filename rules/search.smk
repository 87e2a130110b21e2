"""search: which anchors to keep, from the cached predictions and the prune split's annotations."""

ALL_BUDGETS = sorted({budget for e in PLAN.run for budget in e.budgets})


def search_arguments(wildcards):
    """The options of `anchorprune search` for a search of the configuration."""
    settings = PLAN.config["searches"][wildcards.search]
    words = [
        f"--{key.replace('_', '-')} {value}" for key, value in sorted(settings.items())
    ]
    return " ".join(words + [f"--budget {budget}" for budget in ALL_BUDGETS])


rule search:
    """Search the subsets of anchors for the best AP at every cost; one layout per budget."""
    input:
        predictions=TRAINED + "/predict/predictions.parquet",
        annotations=DATA + "/prune.json",
    output:
        front=TRAINED + "/{search}/search/front.csv",
        evaluated=TRAINED + "/{search}/search/evaluated.parquet",
        layouts=[
            TRAINED + f"/{{search}}/search/layout-{budget}.json"
            for budget in ALL_BUDGETS
        ],
    log:
        TRAINED + "/{search}/search/search.log",
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        arguments=search_arguments,
        folder=subpath(output.front, parent=True),
    shell:
        "anchorprune search {input.predictions:q} {input.annotations:q} {params.arguments}"
        " --threads {threads} --output {params.folder:q} > {log:q} 2>&1"
