"""decide: whether a pruned detector is worth a training (`retrain: auto`), all of it on the prune split.

A step for each question, each a checkpoint: what the next one needs is made only where nothing is decided yet.
"""


checkpoint decide_slice:
    """Ask whether the slice of the detector as it was trained loses AP."""
    input:
        predictions=predictions_file,
        annotations=f"{DATA}/prune.json",
        layout=layout_file,
        choice=choice_file,
        after=checkpoints_before,
    output:
        f"{PRUNED}/auto/slice.json",
    log:
        f"{PRUNED}/auto/slice.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of_scoring,
        runtime=each_attempt(20),
    params:
        choice=lambda w, input: ["--choice", input.choice] if input.choice else [],
        no_loss=no_loss_of,
    shell:
        "anchorprune decide slice {input.predictions:q} {input.annotations:q} {input.layout:q} {params.choice:q}"
        " --no-loss {params.no_loss} --output {output:q} > {log:q} 2>&1"


checkpoint decide_once:
    """Ask whether the slice of the one that was fine-tuned with anchor dropout loses AP, if it comes to that."""
    input:
        earlier=f"{PRUNED}/auto/slice.json",
        predictions=if_open_after("slice", lambda w: predictions_file(once(w))),
        annotations=f"{DATA}/prune.json",
        layout=if_open_after("slice", lambda w: layout_file(once(w))),
        choice=if_open_after("slice", lambda w: choice_file(once(w))),
        metrics=if_open_after("slice", lambda w: f"{PRUNED}/slice/evaluate-prune/metrics.json".format(**once(w))),
        after=checkpoints_before,
    output:
        f"{PRUNED}/auto/once.json",
    log:
        f"{PRUNED}/auto/once.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=memory_of_scoring,
        runtime=each_attempt(20),
    params:
        choice=lambda w, input: ["--choice", input.choice] if input.choice else [],
        words=lambda w, input: (
            [
                *("once", input.predictions, input.annotations, input.layout),
                *("--evaluation", str(Path(input.metrics).parent), "--no-loss", str(no_loss_of(w))),
            ]
            if input.predictions
            else ["skip", input.earlier, "--step", "once"]
        ),
    shell:
        "anchorprune decide {params.words:q} {params.choice:q} --output {output:q} > {log:q} 2>&1"


rule evaluate_prune:
    """Evaluate a pruned detector on the prune split; what was trained more against the slice that it has to beat."""
    input:
        detector=f"{PRUNED}/{{finished}}/detector.json",
        annotations=f"{DATA}/prune.json",
        images=f"{DATA}/prune.sha256",
        reference=lambda w: [f"{PRUNED}/slice/evaluate-prune/metrics.json".format(**names) for names in to_be_beaten(w)],
        after=checkpoints_before,
    output:
        metrics=f"{PRUNED}/{{finished}}/evaluate-prune/metrics.json",
        detections=f"{PRUNED}/{{finished}}/evaluate-prune/detections.json",
    log:
        f"{PRUNED}/{{finished}}/evaluate-prune/evaluate.log",
    benchmark:
        f"{PRUNED}/{{finished}}/evaluate-prune/benchmark.tsv"
    wildcard_constraints:
        finished="slice|retrain-finetune",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: resources.amount(detector_of(w), "evaluate", "mem_mb", attempt),
        runtime=lambda w, attempt: resources.amount(detector_of(w), "evaluate", "runtime", attempt),
        gpu=resources.gpus({}, GPUS),
    params:
        images=images_of("prune"),
        folder=subpath(output.metrics, parent=True),
        detector=subpath(input.detector, parent=True),
        reference=lambda w, input: ["--reference", str(Path(input.reference[0]).parent)] if input.reference else [],
    shell:
        "anchorprune evaluate {params.detector:q} {input.annotations:q} {params.images:q} {params.reference:q}"
        " --threads {threads} --output {params.folder:q} > {log:q} 2>&1"


checkpoint decide_finetune:
    """Ask whether a fine-tuning of the budget's own is measurably better than the best slice, if it comes to that."""
    input:
        earlier=f"{PRUNED}/auto/once.json",
        metrics=if_open_after("once", lambda w: f"{PRUNED}/retrain-finetune/evaluate-prune/metrics.json"),
        after=checkpoints_before,
    output:
        f"{PRUNED}/auto/finetune.json",
    log:
        f"{PRUNED}/auto/finetune.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        words=lambda w, input: (
            ["finetune", str(Path(input.metrics).parent), input.earlier, "--no-loss", str(no_loss_of(w))]
            if input.metrics
            else ["skip", input.earlier, "--step", "finetune"]
        ),
    shell:
        "anchorprune decide {params.words:q} --output {output:q} > {log:q} 2>&1"


rule decide:
    """Take over the detector that the steps came to."""
    input:
        evidence=expand(f"{PRUNED}/auto/{{step}}.json", step=STEPS, allow_missing=True),
        detector=lambda w: f"{PRUNED}/{decided_folder(w)}/detector.json".format(**decided_for(w)),
        layout=lambda w: layout_file(decided_for(w)),
        choice=lambda w: choice_file(decided_for(w)),
        after=lambda w: checkpoints_before(decided_for(w)),
    output:
        detector=f"{PRUNED}/retrain-auto/detector.json",
        head=f"{PRUNED}/retrain-auto/head.json",
        layout=f"{PRUNED}/retrain-auto/layout.json",
        decision=f"{PRUNED}/retrain-auto/decision.json",
    log:
        f"{PRUNED}/retrain-auto/decide.log",
    conda:
        "../environment.yml"
    resources:
        mem_mb=each_attempt(2000),
        runtime=each_attempt(10),
    params:
        detector=subpath(input.detector, parent=True),
        choice=lambda w, input: ["--choice", input.choice] if input.choice else [],
        folder=subpath(output.detector, parent=True),
    shell:
        "anchorprune decide finish {params.detector:q} {input.layout:q} {input.evidence:q} {params.choice:q}"
        " --output {params.folder:q} > {log:q} 2>&1"


rule sliced:
    """Take over the figures of the slice that the steps came to, before any training of the budget's own."""
    input:
        evidence=f"{PRUNED}/auto/{STEPS[-1]}.json",
        metrics=lambda w: f"{PRUNED}/slice/evaluate/metrics.json".format(**decided_for(w)),
    output:
        f"{PRUNED}/auto/sliced.json",
    log:
        f"{PRUNED}/auto/sliced.log",
    localrule: True
    conda:
        "../environment.yml"
    shell:
        "cp {input.metrics:q} {output:q} 2> {log:q}"
