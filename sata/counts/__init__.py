"""Dense counts in closed form, and their split by what sparsity saves."""
