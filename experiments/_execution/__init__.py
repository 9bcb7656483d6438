"""What the experiments on executing programs share."""
