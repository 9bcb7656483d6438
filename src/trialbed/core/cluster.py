"""Which scenarios are not independent of each other? Their ids say it, so that every reader of a record can see it."""


def cluster_of(scenario: str) -> str:
    """The cluster of a scenario's id: what stands before its first slash; the whole id where there is none.

    Scenarios of one question, one household or one document are written `question/row`: intervals take all trials of
    a cluster together, since what is hard about one of them is hard about the others.
    """
    return scenario.partition("/")[0]
