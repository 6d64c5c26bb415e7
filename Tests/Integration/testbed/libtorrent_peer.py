"""A libtorrent session in a process of its own: a seed, or the downloader to compare with."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from .network import Network
from .processes import Process, require_running, wait_until
from .torrents import Torrent
from .tracker import Tracker

SEED_PORT = 6881


class LibtorrentSeed:
    """Seeds `torrents` from one address; ready once the tracker knows it."""

    def __init__(
        self,
        network: Network,
        tracker: Tracker,
        torrents: list[Torrent],
        directory: Path,
        upload_limit: int = 0,
    ):
        self.address = network.take_swarm_address()
        self._tracker = tracker
        self.process = start_session(
            sys.executable,
            {
                "torrents": [[str(each.metainfo), str(each.data)] for each in torrents],
                "address": self.address,
                "port": SEED_PORT,
                "upload_limit": upload_limit,
                "seed": True,
            },
            directory / f"libtorrent-{self.address}.log",
        )

        def announced() -> bool:
            require_running(self.process)
            return all(tracker.knows(each.info_hash, self.address) for each in torrents)

        wait_until(announced, 20, "announce of the libtorrent seed")

    def stop(self) -> None:
        """Gone without a word, as when the machine goes dark."""
        self.process.kill()
        self._tracker.remove_peer(self.address)


def start_session(python: str, settings: dict, log: Path, prefix: list[str] = []) -> Process:
    return Process(
        [*prefix, python, "-m", __name__, json.dumps(settings)],
        log,
        cwd=Path(__file__).parent.parent,
    )


def _main(settings: dict) -> None:
    import libtorrent

    session = libtorrent.session(
        {
            "listen_interfaces": f"{settings['address']}:{settings['port']}",
            "outgoing_interfaces": settings["address"],
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_outgoing_utp": False,
            "enable_incoming_utp": False,
            "allow_multiple_connections_per_ip": True,
            "upload_rate_limit": settings["upload_limit"],
            "unchoke_slots_limit": 100,
            "send_buffer_watermark": 3 << 20,
            "send_buffer_watermark_factor": 150,
            "max_out_request_queue": 1000,
            "max_allowed_in_request_queue": 4000,
            "alert_mask": 0,
        }
    )
    # Private addresses are exempt from the rate limits as long as they are a peer class.
    session.set_peer_class_filter(libtorrent.ip_filter())
    handles = []
    for metainfo, data in settings["torrents"]:
        parameters = libtorrent.add_torrent_params()
        parameters.ti = libtorrent.torrent_info(metainfo)
        parameters.save_path = data
        if settings["seed"]:
            parameters.flags |= libtorrent.torrent_flags.seed_mode
        else:
            os.makedirs(data, exist_ok=True)
        handle = session.add_torrent(parameters)
        for address, port in settings.get("peers", []):
            handle.connect_peer((address, port))
        handles.append(handle)
    first_byte = None
    while settings["seed"] or not all(handle.status().is_seeding for handle in handles):
        if first_byte is None and any(handle.status().total_payload_download for handle in handles):
            first_byte = time.monotonic()
        time.sleep(0.25 if settings["seed"] else 0.005)
    print("complete", time.monotonic() - (first_byte or time.monotonic()), flush=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
