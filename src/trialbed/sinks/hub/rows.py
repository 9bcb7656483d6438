"""What rows does a published dataset hold? Read as any user of it reads them, through `datasets`."""

from collections.abc import Iterator
from typing import Any

from trialbed.core.errors import UserError


def published_rows(repo_id: str, *, token: str | None) -> Iterator[dict[str, Any]]:
    """Every row of the dataset `owner/name`, in its order.

    Raises:
        UserError: it cannot be read, or its rows are no records of ours.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        rows = datasets.load_dataset(repo_id, split="train", token=token)
    except Exception as error:  # the library raises many kinds, and each means that there is nothing to report on
        line = " ".join(str(error).split())[:200]
        raise UserError(
            f"{repo_id}: the dataset cannot be read ({type(error).__name__}: {line}); check its name and HF_TOKEN"
        ) from None
    lacking = {"run", "trial_id", "outcome", "evaluation", "conversation_log"} - set(rows.column_names)
    if lacking:
        raise UserError(f"{repo_id}: its rows are no records of trialbed; it lacks {', '.join(sorted(lacking))}")
    for row in rows:
        yield dict(row)
