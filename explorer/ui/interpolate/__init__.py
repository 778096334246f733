"""The page Interpolate: endpoints, paths between them, the filmstrip, and what else is made of places."""
