"""Partial mappings as columns of labels: how they grow, their lower bounds and which dominate others."""
