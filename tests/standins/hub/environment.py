"""Which variables must a client process have, to talk to the stand-in and to nothing else?"""

from pathlib import Path


def client_environment(endpoint: str, home: Path, *, token: str | None) -> dict[str, str]:
    """The variables, to be merged into a child's environment: the clients read them once, at import.

    `home` takes every cache and token file. The proxy variables send plain-HTTP requests for any other host
    to the stand-in, which answers 404 and lists them as strays: `load_dataset` asks
    `datasets-server.<host of HF_ENDPOINT>` for exported features unless a revision is named.
    """
    environment = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0",
        "HTTP_PROXY": endpoint,
        "http_proxy": endpoint,
        "HTTPS_PROXY": endpoint,
        "https_proxy": endpoint,
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "no_proxy": "127.0.0.1,localhost,::1",
    }
    if token is not None:
        environment["HF_TOKEN"] = token
    else:
        environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    return environment
