"""1 GiB from one libtorrent seed: by Sluice, and by libtorrent.

What is compared is the download alone: Sluice fetches a pinned torrent in the background, as
libtorrent does, and nobody reads it. How fast a reader gets it over NFS meanwhile, and what a torrent
of version 2 costs, are figures of their own.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.libtorrent_seed import LibtorrentSeed, start_session
from testbed.network import SERVER_ADDRESS
from testbed.processes import wait_until
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import REPOSITORY, Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from . import load
from .figures import ROUNDS, at_least, at_most, note


_ENVIRONMENT = REPOSITORY / ".build" / "benchmarks-python"
_PYTHON = _ENVIRONMENT / "bin" / "python"


def prepare() -> None:
    """Gets the libtorrent of PyPI, which is newer than Debian's. Has to run where a network is."""
    if _PYTHON.exists():
        return
    unfinished = _ENVIRONMENT.with_suffix(".unfinished")
    pip = [str(unfinished / "bin" / "python"), "-m", "pip", "install", "--quiet", "libtorrent"]
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(unfinished)], check=True)
        subprocess.run(pip, check=True)
        unfinished.rename(_ENVIRONMENT)
    except (OSError, subprocess.CalledProcessError) as error:
        note(f"download: no libtorrent from PyPI, so Debian's is compared with ({error})")


@dataclass(frozen=True)
class Download:
    """Throughput counts from the first byte: how long a tracker takes is not the matter here."""

    seconds: float
    cpu_seconds: float
    peak_memory: int


def measure(scene: Scene) -> None:
    directory = scene.directory / "download"
    film = make_single_file(directory / "v1", "film.mkv", GIB, MIB, [[ANNOUNCE_URL]])
    film2 = make_single_file(directory / "v2", "film.mkv", GIB, MIB, [[ANNOUNCE_URL]], "v2")
    program = load.build(directory)
    python = newest_libtorrent()
    note(f"download: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    pinned, theirs, read, pinned2 = [], [], [], []
    for _ in range(ROUNDS):
        pinned.append(_pinned(scene, film, directory))
        theirs.append(_by_libtorrent(scene, python, film, directory))
        read.append(_while_read(scene, program, film, directory))
        pinned2.append(_pinned(scene, film2, directory))
    _print(pinned, theirs)
    _print_others(pinned, read, pinned2)


def newest_libtorrent() -> str:
    """The Python that `prepare` made; else this one, which has Debian's libtorrent."""
    chosen = str(_PYTHON if _PYTHON.exists() else sys.executable)
    ask = [chosen, "-c", "import libtorrent; print(libtorrent.version)"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    note(f"the libtorrent that is compared with is {version}")
    return chosen


def fetch_pinned(server: SluiceServer, torrent: Torrent) -> Download:
    """Lets a server that runs, and has no routes yet, fetch a torrent in the background."""
    before = server.process.usage().cpu_seconds
    server.set_routes([Route("films", [torrent], pin=True)])
    cached = server.state / "cache" / f"{torrent.info_hash.hex()}.pieces"
    began = wait_until(lambda: _held(cached) > 0 and time.monotonic(), 30, "first piece")
    wait_until(lambda: _held(cached) >= torrent.size, 120, "download by Sluice")
    seconds = time.monotonic() - began
    usage = server.process.usage()
    return Download(seconds, usage.cpu_seconds - before, usage.peak_resident_bytes)


def _held(file: Path) -> int:
    """What is verified and written: a cache file takes space only for that."""
    return file.stat().st_blocks * 512 if file.exists() else 0


def _pinned(scene: Scene, torrent: Torrent, directory: Path) -> Download:
    seed = _seed(scene, torrent, directory)
    server = SluiceServer(scene.network, directory / "sluice", [])
    server.start()
    done = fetch_pinned(server, torrent)
    _end(server, seed)
    return done


def _while_read(scene: Scene, program: Path, torrent: Torrent, directory: Path) -> Download:
    """Nothing is fetched but what is read, and a little ahead of it."""
    seed = _seed(scene, torrent, directory)
    server = SluiceServer(scene.network, directory / "sluice", [Route("films", [torrent])])
    server.start()
    calls = torrent.size // MIB
    done = load.apply(program, server, server.path("films", torrent), "read", calls, 16)
    peak = server.process.usage().peak_resident_bytes
    _end(server, seed)
    return Download(done.seconds_from_first_byte, done.server_cpu_seconds, peak)


def _seed(scene: Scene, torrent: Torrent, directory: Path) -> LibtorrentSeed:
    """One that has hashed its files: otherwise it does so as they are asked for, on the same CPUs."""
    return LibtorrentSeed(scene.network, scene.tracker, [torrent], directory, checks=True)


def _end(server: SluiceServer, seed: LibtorrentSeed) -> None:
    server.terminate()
    seed.stop()
    shutil.rmtree(server.directory)


def _by_libtorrent(scene: Scene, python: str, torrent: Torrent, directory: Path) -> Download:
    seed = _seed(scene, torrent, directory)
    target = directory / "libtorrent"
    settings = {
        "torrents": [[str(torrent.metainfo), str(target)]],
        "address": SERVER_ADDRESS,
        "port": 6882,
        "upload_limit": 0,
        "seed": False,
    }
    log = directory / "libtorrent-download.log"
    log.unlink(missing_ok=True)
    process = start_session(python, settings, log, prefix=scene.network.on_server_side([]))
    wait_until(lambda: "ready" in process.log(), 30, "libtorrent session", interval=0.005)
    before = process.usage().cpu_seconds
    wait_until(lambda: "complete" in process.log(), 120, "download by libtorrent")
    usage = process.usage()
    seconds = float(process.log().split("complete")[1])
    process.terminate()
    seed.stop()
    shutil.rmtree(target)
    return Download(seconds, usage.cpu_seconds - before, usage.peak_resident_bytes)


def _print(ours: list[Download], theirs: list[Download]) -> None:
    rate = [median(each, megabytes_a_second) for each in (ours, theirs)]
    processor = [median(each, lambda done: done.cpu_seconds) for each in (ours, theirs)]
    memory = [median(each, lambda done: done.peak_memory / MIB) for each in (ours, theirs)]
    at_least("download.MB/s", rate[0], rate[1])
    at_least("download.throughput-ratio", rate[0] / rate[1], 1)
    at_most("download.cpu-s/GiB", processor[0], processor[1])
    at_most("download.cpu-ratio", processor[0] / processor[1], 1)
    at_most("download.peak-memory-MiB", memory[0], 100)
    note(f"download: peak memory of libtorrent {memory[1]:.0f} MiB")


def _print_others(pinned: list[Download], read: list[Download], pinned2: list[Download]) -> None:
    """What has no like in libtorrent; the processor time of a download that is read has both."""
    at_least("download.read.MB/s", median(read, megabytes_a_second), None)
    at_most("download.read.cpu-s/GiB", median(read, lambda done: done.cpu_seconds), None)
    at_most("download.read.peak-memory-MiB", median(read, lambda done: done.peak_memory / MIB), 100)
    processor = [median(each, lambda done: done.cpu_seconds) for each in (pinned, pinned2)]
    at_least("download.v2.MB/s", median(pinned2, megabytes_a_second), None)
    at_most("download.v2.cpu-s/GiB", processor[1], processor[0] * 1.1)


def megabytes_a_second(done: Download) -> float:
    return GIB / done.seconds / 1e6


def median(downloads: list[Download], figure: Callable[[Download], float]) -> float:
    return statistics.median(figure(each) for each in downloads)
