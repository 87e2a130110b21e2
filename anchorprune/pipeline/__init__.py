"""What the Snakefile asks: experiments and their validation, arguments, resources, sources, GPUs, locks, check-up."""
