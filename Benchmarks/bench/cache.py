"""2 GiB read twice through a cache of 256 MiB, by four readers that jump about; and what the order of
cached pieces costs for each operation, from 1,000 pieces to 1,000,000.
"""

from __future__ import annotations

import os
import queue
import random
import shutil
import subprocess
import threading
import time

from testbed.disk_use import DiskUse
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import REPOSITORY, Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import at_least, at_most, note

_SIZE = 2 * GIB
_CACHE = 256 * MIB
_WINDOW = 16 * MIB
_READERS = 4
_GROWTH = 3
"""From the fewest pieces to a thousand times as many, of what an operation takes."""
_COST = REPOSITORY / ".build" / "release" / "cache-cost"


def measure(scene: Scene) -> None:
    _read_twice(scene)
    _measure_cost()


def _read_twice(scene: Scene) -> None:
    directory = scene.directory / "cache"
    film = make_single_file(directory, "film.mkv", _SIZE, MIB, [[ANNOUNCE_URL]])
    seed = LibtorrentSeed(scene.network, scene.tracker, [film], directory)
    server = SluiceServer(
        scene.network,
        directory / "sluice",
        [Route("films", [film])],
        {"cache_size": _CACHE},
    )
    server.start()
    note(f"cache: load average {os.getloadavg()[0]:.1f}")
    before = server.process.usage().cpu_seconds
    with DiskUse(server.state / "cache") as use:
        began = time.monotonic()
        faults = _readers(server, film)
        seconds = time.monotonic() - began
    for fault in faults:
        note(f"cache: {fault}")
    usage = server.process.usage()
    at_most("cache.faults", len(faults), 0)
    at_most("cache.most-on-disk-MiB", use.most / MIB, (_CACHE + _WINDOW) / MIB)
    at_least("cache.MB/s", 2 * _SIZE / 1e6 / seconds, None)
    at_most("cache.cpu-s/GiB", (usage.cpu_seconds - before) / (2 * _SIZE / GIB), None)
    at_most("cache.peak-memory-MiB", usage.peak_resident_bytes / MIB, None)
    server.terminate()
    seed.stop()
    shutil.rmtree(directory)


def _readers(server: SluiceServer, film: Torrent) -> list[str]:
    """Every part of the film is read twice, in random order.

    Returns what went wrong.
    """
    parts: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    generator = random.Random(1)
    for _ in range(2):
        once = _parts(generator)
        generator.shuffle(once)
        for part in once:
            parts.put(part)
    faults: list[str] = []
    root = server.root_handle()
    path = server.path("films", film)

    def read() -> None:
        try:
            with server.connect() as connection:
                handle = connection.walk(root, path)
                while not parts.empty():
                    start, length = parts.get_nowait()
                    if connection.read_range(handle, start, length) != film.read(start, length):
                        faults.append(f"wrong bytes at {start}")
        except queue.Empty:
            pass
        except Exception as error:  # noqa: BLE001
            faults.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(_READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return faults


def _parts(generator: random.Random) -> list[tuple[int, int]]:
    """The film in parts of 1 to 8 MiB, at odd places."""
    parts = []
    start = 0
    while start < _SIZE:
        length = min(generator.randrange(MIB, 8 * MIB), _SIZE - start)
        parts.append((start, length))
        start += length
    return parts


def _measure_cost() -> None:
    """Nanoseconds for a read, and for an eviction with the piece that comes instead.

    Flat but for the caches of the processor, which have no room for a million pieces.
    """
    output = subprocess.run([_COST], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in output.splitlines()]
    for count, read, replaced in lines:
        at_most(f"cache.read-ns.{count}", float(read), None)
        at_most(f"cache.replace-ns.{count}", float(replaced), None)
    for place, what in [(1, "read"), (2, "replace")]:
        at_most(f"cache.{what}-growth", float(lines[-1][place]) / float(lines[0][place]), _GROWTH)
