"""What lies in a latent space: codes, priors, densities, grids, attributes, dimensions, reliability."""
