"""Training: a step, a loop around it, and how it stops and goes on."""
