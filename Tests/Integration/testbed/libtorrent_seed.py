"""Seeds by libtorrent, each in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .network import Network
from .processes import Process, require_running, wait_until
from .torrents import Torrent
from .tracker import Tracker

SEED_PORT = 6881


class LibtorrentSeed:
    """Seeds `torrents` from one address; ready once the tracker, if there is one, knows it.

    `prefix` is what runs it where `address` is, if that is elsewhere. One that `checks` its files
    first has the hashes of their blocks (BEP 52).
    """

    def __init__(
        self,
        network: Network,
        tracker: Tracker | None,
        torrents: list[Torrent],
        directory: Path,
        upload_limit: int = 0,
        settings: dict | None = None,
        address: str | None = None,
        checks: bool = False,
        torrent_upload_limit: int = 0,
        prefix: list[str] = [],
    ):
        self.address = address or network.take_swarm_address()
        self._tracker = tracker
        self.process = start_session(
            sys.executable,
            {
                "torrents": [[str(each.metainfo), str(each.data)] for each in torrents],
                "address": self.address,
                "port": SEED_PORT,
                "upload_limit": upload_limit,
                "seed": True,
                "checks": checks,
                "torrent_upload_limit": torrent_upload_limit,
                "session": settings or {},
            },
            directory / f"libtorrent-{self.address}.log",
            prefix,
        )

        def announced() -> bool:
            require_running(self.process)
            return tracker is None or all(tracker.knows(each.info_hash, self.address) for each in torrents)

        wait_until(announced, 20, "announce of the libtorrent seed")

    def stop(self) -> None:
        """Gone without a word, as when the machine goes dark."""
        self.process.kill()
        if self._tracker is not None:
            self._tracker.remove_peer(self.address)


def start_session(python: str, settings: dict, log: Path, prefix: list[str] = []) -> Process:
    """A session as `libtorrent_session.py` describes it, by any Python that has libtorrent."""
    program = Path(__file__).with_name("libtorrent_session.py")
    return Process([*prefix, python, str(program), json.dumps(settings)], log)
