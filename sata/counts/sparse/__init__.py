"""What sparsity saves of dense counts."""
