"""Workloads: ops, layers, templates and densities."""
