"""A long path: 25 ms each way, 10 MB/s, one packet in a hundred lost; by TCP and by uTP.

Sluice, read over NFS while it downloads, and libtorrent take the same file from the same libtorrent
seed, in turn.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from pathlib import Path

from testbed.content import sha256_of
from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import start_session
from testbed.processes import Process, TestbedError, wait_until
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from . import load
from .download import newest_libtorrent
from .figures import ROUNDS, at_least, note

_SOURCE = Path(__file__).resolve().parent.parent / "delay_link.c"
_SEED, _DOWNLOADER = "10.79.0.1", "10.79.0.2"
_DELAY_MS, _RATE, _LOSS, _QUEUE = "25", "10e6", "0.01", "1e6"
_SIZE = 16 * MIB
_GOAL = 0.9


def measure(scene: Scene) -> None:
    directory = scene.directory / "delay"
    torrent = make_single_file(directory, "film.mkv", _SIZE, 256 << 10, [[ANNOUNCE_URL]])
    program = load.build(directory)
    python = newest_libtorrent()
    link = _link(scene, directory)
    note(f"delay: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    try:
        for transport in ("tcp", "utp"):
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_by_sluice(scene, program, python, torrent, directory, transport))
                theirs.append(_by_libtorrent(scene, python, torrent, directory, transport))
            rates = [_SIZE / statistics.median(each) / 1e6 for each in (ours, theirs)]
            at_least(f"delay.{transport}.MB/s", rates[0], None)
            at_least(f"delay.{transport}.libtorrent-MB/s", rates[1], None)
            at_least(f"delay.{transport}.throughput-ratio", rates[0] / rates[1], _GOAL)
    finally:
        link.terminate()


def _link(scene: Scene, directory: Path) -> Process:
    program = directory / "delay_link"
    subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(_SOURCE)], check=True)
    log = directory / "delay_link.log"
    there = scene.network.server_pid
    addresses = [str(os.getpid()), f"{_SEED}/24", str(there), f"{_DOWNLOADER}/24"]
    link = Process([str(program), *addresses, _DELAY_MS, _RATE, _LOSS, _QUEUE], log)
    wait_until(lambda: "up" in link.log(), 5, "delay link")
    return link


def _alone(transport: str) -> dict:
    """Settings of libtorrent: this transport and no other."""
    return {
        f"enable_{direction}_{each}": each == transport
        for direction in ("outgoing", "incoming")
        for each in ("tcp", "utp")
    }


def _seed(
    scene: Scene, python: str, torrent: Torrent, directory: Path, transport: str
) -> Process:
    log = directory / "seed.log"
    log.unlink(missing_ok=True)
    process = start_session(
        python,
        {
            "torrents": [[str(torrent.metainfo), str(torrent.data)]],
            "address": _SEED,
            "port": 6881,
            "upload_limit": 0,
            "seed": True,
            "session": _alone(transport),
        },
        log,
    )
    wait_until(lambda: "ready" in process.log(), 30, "libtorrent session")
    # It is bound to the link, at whose other end there is no tracker.
    scene.tracker.add_peer(torrent.info_hash, _SEED, 6881)
    return process


def _end(scene: Scene, seed: Process) -> None:
    seed.kill()
    scene.tracker.remove_peer(_SEED)


def _by_sluice(
    scene: Scene,
    program: Path,
    python: str,
    torrent: Torrent,
    directory: Path,
    transport: str,
) -> float:
    seed = _seed(scene, python, torrent, directory, transport)
    # A UDP socket of every address takes the one of the link.
    settings = {"bittorrent": {"address": "0.0.0.0", "utp": transport == "utp"}}
    server = SluiceServer(
        scene.network, directory / "sluice", [Route("films", [torrent])], settings
    )
    server.start()
    path = server.path("films", torrent)
    # Few calls at a time, so that each is answered before it counts as late.
    done = load.apply(program, server, path, "read", _SIZE // (256 << 10), 8, 256 << 10)
    digest = LibnfsClient(server.address, server.export).sha256(path, timeout=60)
    server.terminate()
    _end(scene, seed)
    shutil.rmtree(server.directory)
    if digest != torrent.files[0].sha256:
        raise TestbedError(f"the film came wrong by {transport}")
    return done.seconds_from_first_byte


def _by_libtorrent(
    scene: Scene, python: str, torrent: Torrent, directory: Path, transport: str
) -> float:
    seed = _seed(scene, python, torrent, directory, transport)
    target = directory / "libtorrent"
    log = directory / "libtorrent-download.log"
    log.unlink(missing_ok=True)
    process = start_session(
        python,
        {
            "torrents": [[str(torrent.metainfo), str(target)]],
            "address": _DOWNLOADER,
            "port": 6882,
            "upload_limit": 0,
            "seed": False,
            "peers": [[_SEED, 6881]],
            "session": _alone(transport),
        },
        log,
        prefix=scene.network.on_server_side([]),
    )
    wait_until(lambda: "complete" in process.log(), 180, "download by libtorrent")
    seconds = float(process.log().split("complete")[1])
    process.terminate()
    _end(scene, seed)
    if sha256_of(target / torrent.name) != torrent.files[0].sha256:
        raise TestbedError(f"libtorrent's film came wrong by {transport}")
    shutil.rmtree(target)
    return seconds
