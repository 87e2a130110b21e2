"""Benchmarks: `python -m bench.scoring` (speed), `python -m bench.search` (fronts)."""
