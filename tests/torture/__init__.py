"""Long fault runs: many seeds, real processes, a table at the end. `python -m tests.torture`."""
