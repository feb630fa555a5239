"""Benchmarks: the real core beside a floor, taken in turns in one run. `python -m bench --help`."""
