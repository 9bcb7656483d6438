"""A Hugging Face Hub on 127.0.0.1 that real clients talk to over real HTTP, with faults on demand.

    with HubStandIn(Faults(error_after=0.2), seed=7) as hub:
        HfApi(endpoint=hub.endpoint, token=hub.token).create_repo("user/x", repo_type="dataset", private=True)
        hub.repo("user/x").files()

Dataset repos with one branch; no pull requests, no Xet. The write token owns every namespace except
`somebody-else`; the read-only token gets 403 for changes, any other token 401. Whoever starts it prints the seed.

A client in the same process passes `endpoint=` and `token=`. A client process needs `hub.client_environment(home)`,
since the clients read their variables at import:

- HF_ENDPOINT: both libraries build every address from it.
- HF_TOKEN: the token; HF_HUB_DISABLE_IMPLICIT_TOKEN=1 instead, for an anonymous client.
- HF_HOME: tokens and all caches (HF_HUB_CACHE, HF_DATASETS_CACHE, HF_XET_CACHE, ... lie below it unless set).
  A fresh one per test: otherwise an unreachable Hub is hidden by the cache.
- HF_HUB_DISABLE_XET=1: LFS content goes over plain HTTP; Xet has its own client and servers.
- HF_HUB_DISABLE_TELEMETRY=1, HF_HUB_DISABLE_UPDATE_CHECK=1, HF_HUB_OFFLINE=0, HF_DATASETS_OFFLINE=0.
- HF_UPDATE_DOWNLOAD_COUNTS=0: otherwise each `load_dataset` sends a HEAD to s3.amazonaws.com from a thread.
- HTTP_PROXY, HTTPS_PROXY = the endpoint, NO_PROXY = 127.0.0.1,localhost: requests for other hosts end here and are
  listed in `hub.strays`. One remains: `load_dataset(repo)` without `revision=` or `data_files=` asks
  `datasets-server.<host of HF_ENDPOINT>/info`, and without the proxy looks that name up in the real DNS.
  `datasets.config.USE_PARQUET_EXPORT = False` stops it; no variable does.
"""

from .accounts import FOREIGN_NAMESPACE, READ_TOKEN, USER, WRITE_TOKEN
from .environment import client_environment
from .faults import Fault, Faults
from .process import HubProcess, hub_process
from .repos import Commit, Repo
from .server import HubStandIn
from .watch import Exchange

__all__ = [
    "FOREIGN_NAMESPACE",
    "READ_TOKEN",
    "USER",
    "WRITE_TOKEN",
    "Commit",
    "Exchange",
    "Fault",
    "Faults",
    "HubProcess",
    "HubStandIn",
    "Repo",
    "client_environment",
    "hub_process",
]
