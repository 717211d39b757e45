"""Benchmarks: `make bench` measures and prints the table of docs/performance.md. Nothing here asserts a time."""
