"""A whole search: what it starts from, its tasks and workers, its parts for batch systems."""
