"""What a search may choose from: storage templates, unrollings and constraints."""
