"""Numbers from rows: every figure is recomputed from records, none is kept while running."""
