"""Sweeps over designs: points from a grid or a list, each evaluated or mapped, resumed after an interruption."""
