"""The parts of the benchmark, a file for each question; every one has `measure(bench) -> Report`."""
