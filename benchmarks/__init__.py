"""Timings, run from the repository: `python -m benchmarks export`. Not installed."""
