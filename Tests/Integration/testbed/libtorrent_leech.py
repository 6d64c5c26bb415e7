"""Downloads by libtorrent, each in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from .content import sha256_of
from .libtorrent_seed import SEED_PORT, start_session
from .network import Network
from .processes import wait_until
from .torrents import Torrent
from .tracker import Tracker


class LibtorrentLeech:
    """Downloads `torrent` into a directory of its own, by its metainfo or by a magnet link.

    It dials `peers`, pairs of address and port, and whom the trackers name.
    """

    def __init__(
        self,
        network: Network,
        tracker: Tracker,
        torrent: Torrent,
        directory: Path,
        peers: list[tuple[str, int]],
        magnet: str | None = None,
        settings: dict | None = None,
    ):
        self.address = network.take_swarm_address()
        self.data = directory / f"leech-{self.address}"
        self._tracker = tracker
        self._torrent = torrent
        by_metainfo = [] if magnet else [[str(torrent.metainfo), str(self.data)]]
        self.process = start_session(
            sys.executable,
            {
                "torrents": by_metainfo,
                "magnets": [[magnet, str(self.data)]] if magnet else [],
                "peers": peers,
                "address": self.address,
                "port": SEED_PORT,
                "upload_limit": 0,
                "seed": False,
                "session": settings or {},
            },
            directory / f"leech-{self.address}.log",
        )

    @property
    def is_complete(self) -> bool:
        return "complete" in self.process.log()

    def wait(self, timeout: float = 60) -> float:
        """Until it has everything, and nothing of it is wrong. Seconds since the first byte."""
        wait_until(lambda: self.is_complete, timeout, "download by libtorrent")
        # What it has verified may still be on its way to the disk.
        wait_until(self._is_right, 5, "right bytes of the download by libtorrent", interval=0.2)
        return float(self.process.log().split("complete")[1])

    def _is_right(self) -> bool:
        place = self.data / self._torrent.name
        return all(
            sha256_of(place if self._torrent.single_file else place / file.path) == file.sha256
            for file in self._torrent.files
            if file.size
        )

    def stop(self) -> None:
        self.process.kill()
        self._tracker.remove_peer(self.address)
