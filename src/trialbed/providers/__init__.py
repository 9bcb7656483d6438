"""Where answers come from: one package per provider, and the table of their names."""
