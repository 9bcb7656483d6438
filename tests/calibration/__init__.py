"""Do the intervals and tests of a report keep their promises? Whole rehearsals whose truth is known."""
