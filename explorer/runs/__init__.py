"""What a training run leaves on disk: one folder in checkpoints/, read and written here and nowhere else."""
