"""Commands and what they show. Heavy libraries are imported by the command that uses them."""
