"""`trialbed throughput`: how fast each provider serves its models, once or again and again."""
