"""The page Evaluate: one run in numbers, section by section."""
