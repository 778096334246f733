"""The page Generate: samples, style, blends, traversals and the manifold."""
