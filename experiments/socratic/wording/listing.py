"""How are words listed? Many to a line, as prose is, so that a list can be read and grown."""


def words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())
