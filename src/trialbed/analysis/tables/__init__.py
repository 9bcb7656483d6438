"""Rooms where the tables of a report are computed, as TABLES.md says; all pure."""
