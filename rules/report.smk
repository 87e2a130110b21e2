"""report: the tables and plots of the chosen experiments."""


rule manifest:
    """List the detectors of the report and the files their figures come from."""
    input:
        report_inputs(),
    output:
        "results/report/manifest.json",
    log:
        "results/report/manifest.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        manifest=json.dumps(report_rows()),
    shell:
        "printf '%s\n' {params.manifest:q} > {output:q} 2> {log:q}"


rule report:
    """Write the tables and figures of every experiment."""
    input:
        manifest="results/report/manifest.json",
        results="config/published/results.csv",
        front="config/published/ssd300_search_front.csv",
        citation="config/published/citation.txt",
        files=report_inputs(),
    output:
        report_outputs(),
    log:
        "results/report/report.log",
    benchmark:
        "results/report/benchmark.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        folder=subpath(input.manifest, parent=True),
        published=subpath(input.results, parent=True),
    shell:
        "anchorprune report {input.manifest:q} --published {params.published:q} --output {params.folder:q} > {log:q} 2>&1"
