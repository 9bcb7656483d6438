"""The sink that keeps a run's turns, judgements and summaries as objects in an S3 bucket."""
