"""The page Latent map: what stands around the map."""
