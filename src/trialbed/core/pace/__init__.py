"""How fast may a model be called? Pure: time is an argument; `engine.governor` does the waiting."""
