"""The page Compare: maps side by side, questions, and the table of measurements."""
