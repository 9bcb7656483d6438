"""Runs a plan: what starts when, what happens when something fails, and how it all stops."""
