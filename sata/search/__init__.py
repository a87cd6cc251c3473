"""Mapping search with proof: the space of nests of an op, and the exact search through it."""
