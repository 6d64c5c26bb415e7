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
from collections.abc import Callable
from pathlib import Path

from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import SEED_PORT, start_session
from testbed.processes import Process, wait_until
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import ROUNDS, at_least, at_most, note

_SIZE = 32 * MIB
_SEED_RATE = 2_000_000
_LEECH_RATE = 1_000_000
# As many as Sluice unchokes.
_SETTINGS = {"unchoke_slots_limit": 8}
_TIMEOUT = 240


def measure(scene: Scene) -> None:
    _as_leecher(scene, "leecher", pinned=True)
    _as_leecher(scene, "reader", pinned=False)
    _as_seed(scene, scene.directory / "swarm-seed")


def _as_leecher(scene: Scene, name: str, pinned: bool) -> None:
    """Two seeds, Sluice, and seven leechers by libtorrent.

    Sluice fetches the torrent whole, as the others do (`pinned`), or as a client reads it, which is
    from front to back.
    """
    rounds = [
        _leeching_round(scene, scene.directory / f"swarm-{name}-{number}", pinned)
        for number in range(ROUNDS)
    ]
    ours, theirs, ratio, their_ratio = (statistics.median(each) for each in zip(*rounds))
    shown = ", ".join(f"{each[2]:.2f}" for each in rounds)
    note(f"swarm: share ratios as a {name}: {shown}; libtorrent's mean: {their_ratio:.2f}")
    at_most(f"swarm.{name}-seconds", ours, theirs * 1.2)
    at_least(f"swarm.{name}-share-ratio", ratio, their_ratio * 0.8)


def _leeching_round(
    scene: Scene, directory: Path, pinned: bool
) -> tuple[float, float, float, float]:
    """Seconds and share ratio of Sluice, and the means of the other leechers."""
    torrent = _film(directory)
    began = time.monotonic()
    server = _sluice(scene, directory, torrent, _LEECH_RATE, pinned)
    seeds = [_member(scene, directory, torrent, _SEED_RATE, seeds=True) for _ in range(2)]
    leechers = [_member(scene, directory, torrent, _LEECH_RATE) for _ in range(7)]
    if not pinned:
        threading.Thread(target=_read, args=[server, torrent], daemon=True).start()
    theirs, ours = _await_all(leechers, began, lambda: _is_cached(server, torrent))
    moved = [_moved(each) for each in seeds + leechers]
    uploaded = sum(down for _, down in moved) + torrent.size - sum(up for up, _ in moved)
    _end(server, seeds + leechers, directory)
    return (
        ours,
        statistics.mean(theirs),
        uploaded / torrent.size,
        statistics.mean(up / torrent.size for up, _ in moved[len(seeds) :]),
    )


def _as_seed(scene: Scene, directory: Path) -> None:
    """Sluice, a seed by libtorrent, and eight leechers by libtorrent."""
    torrent = _film(directory)
    first = _member(scene, directory, torrent, 0, seeds=True)
    server = _sluice(scene, directory, torrent, _SEED_RATE)
    _read(server, torrent)
    first.kill()
    seed = _member(scene, directory, torrent, _SEED_RATE, seeds=True)
    leechers = [_member(scene, directory, torrent, _LEECH_RATE) for _ in range(8)]
    theirs, _ = _await_all(leechers, time.monotonic(), lambda: True)
    moved = [_moved(each) for each in leechers]
    uploaded = sum(down - up for up, down in moved) - _moved(seed)[0]
    note(f"swarm: with Sluice as a seed the leechers took {min(theirs):.0f} to {max(theirs):.0f} s")
    at_least("swarm.seed-MB", uploaded / 1e6, _moved(seed)[0] / 1e6 * 0.8)
    _end(server, [seed, *leechers], directory)


def _film(directory: Path) -> Torrent:
    return make_single_file(directory, "film.mkv", _SIZE, 256 << 10, [[ANNOUNCE_URL]])


def _sluice(
    scene: Scene, directory: Path, torrent: Torrent, rate: int, pinned: bool = False
) -> SluiceServer:
    server = SluiceServer(
        scene.network,
        directory / "sluice",
        [Route("films", [torrent], pin=pinned)],
        {"rates": {"upload": rate}},
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


def _read(server: SluiceServer, torrent: Torrent) -> None:
    """All of it, as a client copies a film."""
    client = LibnfsClient(server.address, server.export)
    command = client.command("nfs-cat", client.url(server.path("films", torrent)))
    while subprocess.run(command, stdout=subprocess.DEVNULL, timeout=_TIMEOUT).returncode != 0:
        time.sleep(0.5)


def _is_cached(server: SluiceServer, torrent: Torrent) -> bool:
    cache = server.state / "cache" / f"{torrent.info_hash.hex()}.pieces"
    return cache.exists() and cache.stat().st_blocks * 512 >= torrent.size


def _await_all(
    leechers: list[Process], began: float, are_we_complete: Callable[[], bool]
) -> tuple[list[float], float]:
    """The time each of the leechers took, and ours, to a tenth of a second."""
    taken: dict[int, float] = {}
    ours: float | None = None

    def all_complete() -> bool:
        nonlocal ours
        for leecher in leechers:
            if leecher.pid not in taken and "complete" in leecher.log():
                taken[leecher.pid] = time.monotonic() - began
        if ours is None and are_we_complete():
            ours = time.monotonic() - began
        return len(taken) == len(leechers) and ours is not None

    wait_until(all_complete, _TIMEOUT, "downloads of the swarm", interval=0.1)
    # The last report of what was moved.
    time.sleep(1)
    return list(taken.values()), ours or 0


def _moved(member: Process) -> tuple[int, int]:
    line = [line for line in member.log().splitlines() if line.startswith("moved")][-1]
    _, up, down = line.split()
    return int(up), int(down)


def _end(server: SluiceServer, members: list[Process], directory: Path) -> None:
    server.terminate()
    for member in members:
        member.kill()
    shutil.rmtree(directory)
