"""How fast is it, how much memory does it need? Prints figures; judges nothing."""
