"""Benchmarks: the real core beside the least that the same work can cost, both in the same run on the same machine."""
