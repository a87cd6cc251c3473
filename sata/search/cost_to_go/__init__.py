"""Cost-to-go tables: the least that any completion of a partial mapping costs, from the compute outwards."""
