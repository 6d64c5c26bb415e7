"""A swarm of ten, whose members may upload so much and no more: Sluice as one of the leechers, then
as one of the seeds, beside libtorrent in the same swarm.

What Sluice uploaded is what the others received and none of them sent.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import SEED_PORT, start_session
from testbed.processes import Process, wait_until
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import at_least, at_most, note

_SIZE = 32 * MIB
_SEED_RATE = 2_000_000
_LEECH_RATE = 1_000_000
# As many as Sluice unchokes.
_SETTINGS = {"unchoke_slots_limit": 8}
_TIMEOUT = 240


def measure(scene: Scene) -> None:
    _as_leecher(scene, scene.directory / "swarm-leecher")
    _as_seed(scene, scene.directory / "swarm-seed")


def _as_leecher(scene: Scene, directory: Path) -> None:
    """Two seeds, Sluice, and seven leechers by libtorrent."""
    torrent = _film(directory)
    server = _sluice(scene, directory, torrent, _LEECH_RATE)
    seeds = [_member(scene, directory, torrent, _SEED_RATE, seeds=True) for _ in range(2)]
    leechers = [_member(scene, directory, torrent, _LEECH_RATE) for _ in range(7)]
    began = time.monotonic()
    seconds = {}
    reading = threading.Thread(target=_read, args=[server, torrent, seconds])
    reading.start()
    theirs = _await_all(leechers, began)
    reading.join(_TIMEOUT)
    ours = seconds["sluice"] - began
    moved = [_moved(each) for each in seeds + leechers]
    uploaded = sum(down for _, down in moved) + torrent.size - sum(up for up, _ in moved)
    ratio = uploaded / torrent.size
    their_ratio = statistics.mean(_moved(each)[0] / torrent.size for each in leechers)
    note(f"swarm: the leechers by libtorrent took {min(theirs):.0f} to {max(theirs):.0f} s")
    at_most("swarm.leecher-seconds", ours, statistics.mean(theirs) * 1.2)
    at_least("swarm.leecher-share-ratio", ratio, their_ratio * 0.8)
    _end(server, seeds + leechers, directory)


def _as_seed(scene: Scene, directory: Path) -> None:
    """Sluice, a seed by libtorrent, and eight leechers by libtorrent."""
    torrent = _film(directory)
    first = _member(scene, directory, torrent, 0, seeds=True)
    server = _sluice(scene, directory, torrent, _SEED_RATE)
    _read(server, torrent, {})
    first.kill()
    seed = _member(scene, directory, torrent, _SEED_RATE, seeds=True)
    leechers = [_member(scene, directory, torrent, _LEECH_RATE) for _ in range(8)]
    theirs = _await_all(leechers, time.monotonic())
    moved = [_moved(each) for each in leechers]
    uploaded = sum(down - up for up, down in moved) - _moved(seed)[0]
    note(f"swarm: with Sluice as a seed the leechers took {min(theirs):.0f} to {max(theirs):.0f} s")
    at_least("swarm.seed-MB", uploaded / 1e6, _moved(seed)[0] / 1e6 * 0.8)
    _end(server, [seed, *leechers], directory)


def _film(directory: Path) -> Torrent:
    return make_single_file(directory, "film.mkv", _SIZE, 256 << 10, [[ANNOUNCE_URL]])


def _sluice(scene: Scene, directory: Path, torrent: Torrent, rate: int) -> SluiceServer:
    settings = {"rates": {"upload": rate}}
    server = SluiceServer(
        scene.network, directory / "sluice", [Route("films", [torrent])], settings
    )
    server.start()
    return server


def _member(
    scene: Scene, directory: Path, torrent: Torrent, rate: int, seeds: bool = False
) -> Process:
    address = scene.network.take_swarm_address()
    data = torrent.data if seeds else directory / f"data-{address}"
    return start_session(
        sys.executable,
        {
            "torrents": [[str(torrent.metainfo), str(data)]],
            "address": address,
            "port": SEED_PORT,
            "upload_limit": 0,
            "torrent_upload_limit": rate,
            "seed": seeds,
            "report": True,
            "session": _SETTINGS,
        },
        directory / f"libtorrent-{address}.log",
    )


def _read(server: SluiceServer, torrent: Torrent, seconds: dict[str, float]) -> None:
    """All of it, as a client copies a film."""
    client = LibnfsClient(server.address, server.export)
    command = client.command("nfs-cat", client.url(server.path("films", torrent)))
    while subprocess.run(command, stdout=subprocess.DEVNULL, timeout=_TIMEOUT).returncode != 0:
        time.sleep(0.5)
    seconds["sluice"] = time.monotonic()


def _await_all(leechers: list[Process], began: float) -> list[float]:
    """The time each took, to a tenth of a second."""
    taken: dict[int, float] = {}

    def all_complete() -> bool:
        for leecher in leechers:
            if leecher.pid not in taken and "complete" in leecher.log():
                taken[leecher.pid] = time.monotonic() - began
        return len(taken) == len(leechers)

    wait_until(all_complete, _TIMEOUT, "downloads of the swarm", interval=0.1)
    # The last report of what was moved.
    time.sleep(1)
    return list(taken.values())


def _moved(member: Process) -> tuple[int, int]:
    line = [line for line in member.log().splitlines() if line.startswith("moved")][-1]
    _, up, down = line.split()
    return int(up), int(down)


def _end(server: SluiceServer, members: list[Process], directory: Path) -> None:
    server.terminate()
    for member in members:
        member.kill()
    shutil.rmtree(directory)
