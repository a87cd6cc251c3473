"""YAML text to trees that know their places: reading, includes, expressions, units and faults."""
