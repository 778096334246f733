"""Maps in two dimensions and the way back: methods, densities, alignment, lasso, round-trip error."""
