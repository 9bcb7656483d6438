"""`trialbed rent`: a grid of prompts built, asked and scored; its files, all derived from the journals of its runs."""
