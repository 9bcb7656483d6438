"""Rooms where a transcript is judged: the form of an answer, its reading, and the one who asks for it."""
