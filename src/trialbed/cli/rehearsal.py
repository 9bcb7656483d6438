"""`rehearsal-server`: the stand-in for Bedrock, run by itself."""

from pathlib import Path

import anyio

from trialbed.plugins import scan


def rehearsal_command(root: Path, *, port: int, config: str | None, log: Path | None) -> int:
    """Serve until Ctrl+C; the first line on stdout is the address.

    Raises:
        UserError: the configuration is not readable.
    """
    from trialbed.providers.rehearsal.config import RehearsalConfig
    from trialbed.providers.rehearsal.server import serve_forever

    wanted = RehearsalConfig.from_json(config) if config is not None else RehearsalConfig()
    wanted = wanted.model_copy(update={"port": port or wanted.port, "log_path": log or wanted.log_path})
    personas = [persona for found in scan(root).experiments.values() for persona in found.experiment.personas()]

    async def serve() -> None:
        await serve_forever(wanted, personas, lambda line: print(line, flush=True))

    anyio.run(serve)
    return 0
