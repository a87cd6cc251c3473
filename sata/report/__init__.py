"""Results: tidy records, and how they are shown and written."""
