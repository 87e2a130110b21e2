"""Benchmarks: `python -m bench.scoring`, `python -m bench.search`, `python -m bench.large`."""
