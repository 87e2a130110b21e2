"""report: the tables and plots of the chosen experiments."""

TABLES = [f"results/report/results.{kind}" for kind in ("csv", "md", "tex")]


def report_outputs():
    """Every file of the report that the chosen experiments give."""
    plots = {f"pareto-{row['experiment']}" for row in report_rows()}
    plots |= {f"layouts-{row['experiment']}" for row in report_rows()}
    return TABLES + [
        f"results/report/{plot}.{kind}"
        for plot in sorted(plots)
        for kind in ("pdf", "svg", "png")
    ]


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
    conda:
        "../environment.yml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        folder=subpath(input.manifest, parent=True),
    shell:
        "anchorprune report {input.manifest:q} --output {params.folder:q} > {log:q} 2>&1"
