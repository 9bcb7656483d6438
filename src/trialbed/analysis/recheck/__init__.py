"""Is every number of a report what the journal says? The second way to each, which shares no formula with the first.

It reads journals with the standard library, computes with plain loops from published formulas, and takes from the
rest of the package the spelling of a cell, the measures and the choices only.
"""
