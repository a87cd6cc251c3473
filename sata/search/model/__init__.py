"""The search problem in small integers, the exact value of a mapping, and what a unit of traffic costs at least."""
