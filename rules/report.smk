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
    """Write the results table, the Pareto plots and the pictures of the layouts."""
    input:
        manifest="results/report/manifest.json",
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
    shell:
        "anchorprune report {input.manifest:q} --output {params.folder:q} > {log:q} 2>&1"
