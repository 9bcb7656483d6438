"""Statistics of samples and counts: pure functions that know nothing of runs, records or reports."""
