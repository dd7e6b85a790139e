"""Training: losses, weightings, the train step and the loop."""
