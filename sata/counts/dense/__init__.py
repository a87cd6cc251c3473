"""Dense counts in closed form."""
