"""1 GiB from one libtorrent seed: Sluice, read over NFS while it downloads, and libtorrent."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
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
    torrent = make_single_file(directory, "film.mkv", GIB, MIB, [[ANNOUNCE_URL]])
    program = load.build(directory)
    python = newest_libtorrent()
    note(f"download: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_by_sluice(scene, program, torrent, directory))
        theirs.append(_by_libtorrent(scene, python, torrent, directory))
    _print(ours, theirs)


def newest_libtorrent() -> str:
    """The Python that `prepare` made; else this one, which has Debian's libtorrent."""
    chosen = str(_PYTHON if _PYTHON.exists() else sys.executable)
    ask = [chosen, "-c", "import libtorrent; print(libtorrent.version)"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    note(f"download: the other downloader is libtorrent {version}")
    return chosen


def _by_sluice(scene: Scene, program: Path, torrent: Torrent, directory: Path) -> Download:
    seed = LibtorrentSeed(scene.network, scene.tracker, [torrent], directory)
    server = SluiceServer(scene.network, directory / "sluice", [Route("films", [torrent])])
    server.start()
    calls = torrent.size // MIB
    done = load.apply(program, server, server.path("films", torrent), "read", calls, 16)
    peak = server.process.usage().peak_resident_bytes
    server.terminate()
    seed.stop()
    shutil.rmtree(server.directory)
    return Download(done.seconds_from_first_byte, done.server_cpu_seconds, peak)


def _by_libtorrent(scene: Scene, python: str, torrent: Torrent, directory: Path) -> Download:
    seed = LibtorrentSeed(scene.network, scene.tracker, [torrent], directory)
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
    def median(downloads: list[Download], figure) -> float:
        return statistics.median(figure(each) for each in downloads)

    rate = [median(each, lambda done: GIB / done.seconds / 1e6) for each in (ours, theirs)]
    processor = [median(each, lambda done: done.cpu_seconds) for each in (ours, theirs)]
    memory = [median(each, lambda done: done.peak_memory / MIB) for each in (ours, theirs)]
    at_least("download.MB/s", rate[0], rate[1])
    at_least("download.throughput-ratio", rate[0] / rate[1], 1)
    at_most("download.cpu-s/GiB", processor[0], processor[1])
    at_most("download.cpu-ratio", processor[0] / processor[1], 1)
    at_most("download.peak-memory-MiB", memory[0], 100)
    note(f"download: peak memory of libtorrent {memory[1]:.0f} MiB")
