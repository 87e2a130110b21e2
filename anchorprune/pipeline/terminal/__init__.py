"""What a run of the pipeline shows on the terminal, in place of Snakemake's own lines (which its log file has)."""
