"""`trialbed execution`: flags and a data set made into runs of two experiments, and what they come to into one file."""
