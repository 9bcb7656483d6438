"""The append-only local truth of a run. Everything else can be rebuilt from it."""
