"""What tensors occupy in memories: formats and capacity."""
