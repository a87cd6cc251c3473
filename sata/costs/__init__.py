"""From counts to energy, time and area: component libraries, prices and plain functions over numbers or arrays."""
