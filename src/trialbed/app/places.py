"""Are the places that records go to as they must be, before anything is paid? The Hub is looked at with the models."""

from trialbed.app.ingest import check_ingest
from trialbed.app.parts import sends_results, writes_to_s3
from trialbed.app.prepare import Prepared
from trialbed.app.s3 import check_s3


async def check_places(prepared: Prepared) -> list[str]:
    """Look at the bucket and at the results server, if records go there; what may pass by itself is returned.

    Raises:
        UserError: one of them may not be used, or is not there: the user must mend it.
    """
    notes = await check_s3(prepared.settings) if writes_to_s3(prepared) else []
    return notes + (await check_ingest(prepared.settings) if sends_results(prepared) else [])
