"""Component libraries and their tables."""
