"""How much does a benchmark do? All of it, or as little as still says something."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`pairs` is how often each side of a comparison runs, in turn with the other.

    `peer_calls` 0 leaves the peers out. A plan of more than `killed_from` trials is killed and resumed.
    """

    pairs: int
    cpu_trials: int
    pace_rounds: int
    pace_concurrencies: tuple[int, ...]
    peer_calls: int
    quota_ceilings: tuple[int, ...]
    quota_calls: int
    token_quota_calls: int
    start_times: int
    growth_trials: tuple[int, ...]
    killed_from: int
    dialogues: int


WHOLE = Sizes(
    pairs=3,
    cpu_trials=500,
    pace_rounds=40,
    pace_concurrencies=(10, 50, 200),
    peer_calls=800,
    quota_ceilings=(10, 50, 200),
    quota_calls=1_250,
    token_quota_calls=750,
    start_times=3,
    growth_trials=(1_000, 10_000, 100_000),
    killed_from=20_000,
    dialogues=500,
)

QUICK = Sizes(
    pairs=1,
    cpu_trials=200,
    pace_rounds=40,
    pace_concurrencies=(50,),
    peer_calls=0,
    quota_ceilings=(50,),
    quota_calls=1_000,
    token_quota_calls=430,
    start_times=3,
    growth_trials=(1_000, 8_000),
    killed_from=5_000,
    dialogues=150,
)
