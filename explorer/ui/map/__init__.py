"""The latent map, which several pages show: its component, controls, overlays, pins and what is selected on it."""
