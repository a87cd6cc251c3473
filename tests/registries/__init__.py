"""Registries: rows, faults, and what each row must have."""
