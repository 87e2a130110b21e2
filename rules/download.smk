"""download: data sets that the configuration wants fetched (`download: true`), where they are not there.

What they leave is known by COCO's annotation files and VOC's image lists; the images come into place before them.
"""


rule download_coco2017:
    """Fetch COCO 2017: 20 GB, and twice that on disk while it is unpacked."""
    output:
        files_of("coco2017", "{root}"),
    log:
        "{root}/download.log",
    wildcard_constraints:
        root=download_roots(PLAN.config["datasets"], "coco2017"),
    localrule: True
    conda:
        "../environment.yml"
    shell:
        "anchorprune download coco2017 --root {wildcards.root:q} > {log:q} 2>&1"


rule download_voc0712:
    """Fetch PASCAL VOC 2007 and 2012: 3 GB, and twice that on disk while it is unpacked."""
    output:
        files_of("voc0712", "{root}"),
    log:
        "{root}/download.log",
    wildcard_constraints:
        root=download_roots(PLAN.config["datasets"], "voc"),
    localrule: True
    conda:
        "../environment.yml"
    shell:
        "anchorprune download voc0712 --root {wildcards.root:q} > {log:q} 2>&1"
