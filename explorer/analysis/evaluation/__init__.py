"""One model in numbers: its bound, its posterior, its samples, and what is wrong with it."""
