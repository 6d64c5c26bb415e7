"""Seeds that are far away: each has an address of its own, a rate and a delay.

The seeds, by libtorrent, run unlimited behind `pacing_proxy.py`, which alone is in reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.libtorrent_seed import SEED_PORT, start_session
from testbed.processes import Process, wait_until
from testbed.scene import Scene
from testbed.scripted_seed import Staller, speaks_at
from testbed.torrents import Torrent

_SEEDS = "10.93.0."
_PROXIES = "10.92.0."
_FIRST_HOST = 11
_PROXY = Path(__file__).with_name("pacing_proxy.py")
_SEED_SETTINGS = {
    "close_redundant_connections": False,
    "unchoke_slots_limit": -1,
    # Little lies ready to be sent, as what is cancelled then is sent all the same.
    "send_buffer_low_watermark": 16 << 10,
    "send_buffer_watermark": 128 << 10,
    "aio_threads": 1,
}


@dataclass(frozen=True)
class Peers:
    """`rate` in bytes a second, `delay` in seconds each way; a staller unchokes and never sends."""

    count: int
    rate: int
    delay: float
    stall: bool = False


@dataclass(frozen=True)
class Delivered:
    bytes: int
    repeated: int
    """Blocks that had been delivered before."""


class SeedsBehind:
    """The seeds themselves, for any number of swarms one after another."""

    def __init__(self, scene: Scene, torrent: Torrent, directory: Path, seeds: int, stallers: int):
        self._scene = scene
        self._directory = directory
        self.torrent = torrent
        self.quiet_metainfo = torrent.with_sources("without-tracker", [])
        hosts = range(_FIRST_HOST, _FIRST_HOST + seeds + stallers)
        for host in hosts:
            _run(["ip", "address", "replace", f"{_SEEDS}{host}/32", "dev", "lo"])
            _run(["ip", "address", "replace", f"{_PROXIES}{host}/24", "dev", "swarm0"])
        route = ["ip", "route", "replace", f"{_PROXIES}0/24", "dev", "server0"]
        _run(scene.network.on_server_side(route))
        self._seeds = [self._seed(f"{_SEEDS}{host}") for host in hosts[:seeds]]
        self._stallers = [Staller(scene.network, scene.tracker, torrent) for _ in range(stallers)]
        for staller in self._stallers:
            scene.tracker.remove_peer(staller.address)
        for seed in self._seeds:
            wait_until(lambda: "ready" in seed.log(), 30, "libtorrent session")
        for host in hosts[:seeds]:
            address = f"{_SEEDS}{host}"
            wait_until(lambda: speaks_at(address, SEED_PORT, torrent), 10, "greeting of a seed")

    def swarm(self, kinds: list[Peers]) -> PacedSwarm:
        """Proxies that have passed nothing yet; the tracker knows them, and nobody else."""
        seeds = [f"{_SEEDS}{_FIRST_HOST + number}" for number in range(len(self._seeds))]
        stallers = [staller.address for staller in self._stallers]
        paths = []
        for kind in kinds:
            for _ in range(kind.count):
                behind = (stallers if kind.stall else seeds).pop(0)
                path = {
                    "listen": [f"{_PROXIES}{_FIRST_HOST + len(paths)}", SEED_PORT],
                    "peer": [behind, SEED_PORT],
                    "rate": kind.rate,
                    "delay": kind.delay,
                }
                paths.append(path)
        return PacedSwarm(self._scene, self.torrent, paths, self._directory)

    def stop(self) -> None:
        for seed in self._seeds:
            seed.kill()
        for staller in self._stallers:
            staller.stop()

    def _seed(self, address: str) -> Process:
        return start_session(
            sys.executable,
            {
                "torrents": [[str(self.quiet_metainfo), str(self.torrent.data)]],
                "address": address,
                "port": SEED_PORT,
                "upload_limit": 0,
                "seed": True,
                "peer_exchange": False,
                "session": _SEED_SETTINGS,
            },
            self._directory / f"libtorrent-{address}.log",
        )


class PacedSwarm:
    def __init__(self, scene: Scene, torrent: Torrent, paths: list[dict], directory: Path):
        self._tracker = scene.tracker
        self.peers = [path["listen"] for path in paths]
        log = directory / "pacing-proxy.log"
        log.unlink(missing_ok=True)
        self._process = Process([sys.executable, str(_PROXY), json.dumps(paths)], log)
        wait_until(lambda: "ready" in self._process.log(), 10, "pacing proxies")
        for address, port in self.peers:
            self._tracker.add_peer(torrent.info_hash, address, port)

    def delivered(self) -> Delivered:
        log = self._process.log().splitlines()
        lines = [line.split() for line in log if line.startswith("delivered")]
        return Delivered(int(lines[-1][1]), int(lines[-1][2])) if lines else Delivered(0, 0)

    def stop(self) -> None:
        self._process.kill()
        for address, _ in self.peers:
            self._tracker.remove_peer(address)


def _run(arguments: list[str]) -> None:
    subprocess.run(arguments, check=True, capture_output=True)
