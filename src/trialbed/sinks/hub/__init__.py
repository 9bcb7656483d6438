"""Records on the Hugging Face Hub: every row once, whatever the network and the other writers do."""
