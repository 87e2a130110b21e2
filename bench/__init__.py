"""Benchmarks: `python -m bench` (speed), `python -m bench.search` (fronts), `python -m bench.sizes` (memory)."""
