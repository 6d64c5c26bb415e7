"""1 GiB to one libtorrent leecher, from the cache: by Sluice, and by a libtorrent seed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from testbed.libtorrent_seed import LibtorrentSeed, start_session
from testbed.network import SERVER_ADDRESS
from testbed.processes import Process, wait_until
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .download import Download, fetch_pinned, median, megabytes_a_second, newest_libtorrent
from .figures import ROUNDS, at_least, at_most, note

_LIBTORRENT_PORT = 6882


def measure(scene: Scene) -> None:
    directory = scene.directory / "seed"
    torrent = make_single_file(directory, "film.mkv", GIB, MIB, [[ANNOUNCE_URL]])
    python = newest_libtorrent()
    server = _sluice(scene, directory, torrent)
    seed = _libtorrent(scene, python, directory, torrent)
    note(f"seed: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(
            _upload(scene, python, torrent, directory, server.process, SluiceServer.peer_port)
        )
        theirs.append(_upload(scene, python, torrent, directory, seed, _LIBTORRENT_PORT))
    _print(ours, theirs)
    server.terminate()
    seed.kill()
    shutil.rmtree(directory)


def _sluice(scene: Scene, directory: Path, torrent: Torrent) -> SluiceServer:
    """One that has the torrent in its cache."""
    source = LibtorrentSeed(scene.network, scene.tracker, [torrent], directory)
    first = SluiceServer(scene.network, directory / "sluice", [])
    first.start()
    fetch_pinned(first, torrent)
    source.stop()
    # Started again, so that its memory is that of a seed.
    first.terminate()
    first.start()
    return first


def _libtorrent(scene: Scene, python: str, directory: Path, torrent: Torrent) -> Process:
    """One that has found the torrent whole: it says `complete`, and seeds from then on."""
    settings = {
        "torrents": [[str(torrent.metainfo), str(torrent.data)]],
        "address": SERVER_ADDRESS,
        "port": _LIBTORRENT_PORT,
        "upload_limit": 0,
        "seed": False,
    }
    log = directory / "libtorrent-as-seed.log"
    process = start_session(python, settings, log, prefix=scene.network.on_server_side([]))
    wait_until(lambda: "complete" in process.log(), 60, "seed by libtorrent")
    return process


def _upload(
    scene: Scene, python: str, torrent: Torrent, directory: Path, seed: Process, port: int
) -> Download:
    """Seen from the seed: its processor time, until a leecher that knows no other has everything."""
    target = directory / "leecher"
    settings = {
        "torrents": [[str(torrent.with_sources("bare", [])), str(target)]],
        "address": scene.network.take_swarm_address(),
        "port": 6883,
        "upload_limit": 0,
        "seed": False,
        "peers": [[SERVER_ADDRESS, port]],
        "peer_exchange": False,
    }
    log = directory / "leecher.log"
    log.unlink(missing_ok=True)
    before = seed.usage().cpu_seconds
    leecher = start_session(python, settings, log)
    wait_until(lambda: "complete" in leecher.log(), 120, "download by the leecher")
    usage = seed.usage()
    leecher.terminate()
    shutil.rmtree(target)
    seconds = float(log.read_text().split("complete")[1])
    return Download(seconds, usage.cpu_seconds - before, usage.peak_resident_bytes)


def _print(ours: list[Download], theirs: list[Download]) -> None:
    rate = [median(each, megabytes_a_second) for each in (ours, theirs)]
    processor = [median(each, lambda done: done.cpu_seconds) for each in (ours, theirs)]
    memory = [median(each, lambda done: done.peak_memory / MIB) for each in (ours, theirs)]
    at_least("seed.MB/s", rate[0], rate[1])
    at_most("seed.cpu-s/GiB", processor[0], processor[1])
    at_most("seed.cpu-ratio", processor[0] / processor[1], 1)
    at_most("seed.peak-memory-MiB", memory[0], 100)
    note(f"seed: peak memory of libtorrent {memory[1]:.0f} MiB")
