"""How fast is it, how much memory does it need, and what do others need for the same? Prints figures only."""
