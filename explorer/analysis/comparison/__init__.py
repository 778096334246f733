"""Several models measured alike, and the table of their differences."""
