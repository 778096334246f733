"""What a model is: distributions, likelihoods, networks, and the classes that join them. No training, no files."""
