"""The sink that sends results, and what went wrong, to a results server of the user's own."""
