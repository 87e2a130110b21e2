"""report: the tables and plots of the chosen experiments. A job for each, as soon as its results are there, and one
for the table and the page of all of them.
"""


rule manifest:
    """List the detectors of the report and the files their figures come from."""
    input:
        template=ancient(pipeline_file("rules/manifest.json.j2")),
    output:
        f"{REPORT}/manifest.json",
    log:
        f"{REPORT}/manifest.log",
    localrule: True
    params:
        manifest=json.dumps(report_rows()),
    template_engine:
        "jinja2"


use rule manifest as experiment_manifest with:
    output:
        f"{REPORT}/manifest-{{experiment}}.json",
    log:
        f"{REPORT}/manifest-{{experiment}}.log",
    params:
        manifest=lambda w: json.dumps(ROWS[w.experiment]),


# Snakemake wants to know which files a rule writes, and not every experiment has every figure: a rule for each set.
for number, (files, names) in enumerate(report_forms().items()):

    rule:
        """Write an experiment's page, tables and figures."""
        name:
            "report_experiment" + (f"_{number + 1}" if number else "")
        input:
            manifest=f"{REPORT}/manifest-{{experiment}}.json",
            results="config/published/results.csv",
            front="config/published/ssd300_search_front.csv",
            citation="config/published/citation.txt",
            files=lambda w: experiment_inputs(w.experiment),
        output:
            [in_report(name, "{experiment}") for name in files],
        log:
            f"{REPORT}/experiment-{{experiment}}.log",
        wildcard_constraints:
            experiment="|".join(map(re.escape, names)),
        conda:
            "../environment.yml"
        resources:
            mem_mb=each_attempt(2000),
            runtime=each_attempt(10),
        params:
            folder=subpath(input.manifest, parent=True),
            published=subpath(input.results, parent=True),
        shell:
            "anchorprune report {input.manifest:q} --experiment {wildcards.experiment:q}"
            " --published {params.published:q} --output {params.folder:q} > {log:q} 2>&1"


rule report:
    """Write the table and the page of all experiments."""
    input:
        manifest=f"{REPORT}/manifest.json",
        results="config/published/results.csv",
        front="config/published/ssd300_search_front.csv",
        citation="config/published/citation.txt",
        files=report_inputs(),
        shown=report_shown(),
    output:
        [in_report(name, "all experiments") for name in overall_files(report_rows())],
    log:
        f"{REPORT}/report.log",
    benchmark:
        f"{REPORT}/benchmark.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        folder=subpath(input.manifest, parent=True),
        published=subpath(input.results, parent=True),
    shell:
        "anchorprune report {input.manifest:q} --overall --published {params.published:q}"
        " --output {params.folder:q} > {log:q} 2>&1"


onsuccess:
    for line in closing_words(Path(REPORT)):
        logger.info(line)
