"""A bucket that gets every turn, verdict and summary as a JSON file of its own, as they come to be."""
