"""Tabular benchmarks: what trained architectures reached, looked up instead of trained."""
