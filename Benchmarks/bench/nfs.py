"""Cached reads and small calls over NFS, beside nfs-ganesha if it is installed."""

from __future__ import annotations

import os
import shutil
import statistics
from dataclasses import dataclass

from testbed.ganesha_server import GaneshaServer
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.nfs_server import NFSServer
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import make_single_file
from testbed.tracker import ANNOUNCE_URL

from . import load
from .figures import ROUNDS, at_least, at_most, note

FILE_SIZE = 512 * MIB


@dataclass(frozen=True)
class Read:
    name: str
    test: str
    size: int
    depth: int
    bytes: int


@dataclass(frozen=True)
class Call:
    """`goal` is in calls a second, `ratio` a multiple of ganesha's."""

    name: str
    test: str
    count: int
    goal: float
    ratio: float


READS = [
    Read("read-1MiB-depth-1", "read", MIB, 1, 2 * GIB),
    Read("read-1MiB-depth-4", "read", MIB, 4, 2 * GIB),
    Read("read-1MiB-depth-16", "read", MIB, 16, 2 * GIB),
    Read("read-128KiB-depth-8", "read", 128 << 10, 8, 2 * GIB),
    Read("random-64KiB-depth-1", "random", 64 << 10, 1, GIB),
]
CALLS = [
    Call("null-depth-32", "null", 300_000, 137_000, 0),
    Call("getattr-depth-32", "getattr", 200_000, 1.2 * 67_000, 3),
    Call("lookup-depth-32", "lookup", 200_000, 1.2 * 49_700, 3),
]


def measure(scene: Scene) -> None:
    directory = scene.directory / "nfs"
    torrent = make_single_file(directory, "film.mkv", FILE_SIZE, MIB, [[ANNOUNCE_URL]])
    seed = LibtorrentSeed(scene.network, scene.tracker, [torrent], directory)
    sluice = SluiceServer(scene.network, directory / "sluice", [Route("films", [torrent])])
    sluice.start()
    program = load.build(directory)
    files = {sluice: sluice.path("films", torrent)}
    load.apply(program, sluice, files[sluice], "read", FILE_SIZE // MIB, 4)
    seed.stop()
    ganesha = None
    if shutil.which("ganesha.nfsd"):
        ganesha = GaneshaServer(scene.network, directory / "ganesha", torrent.data, port=20490)
        ganesha.start()
        files[ganesha] = torrent.name
    else:
        note("nfs-ganesha is not installed: no goals that compare with it")
    note(f"nfs: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    for each in READS:
        _measure_read(program, each, files, sluice, ganesha)
    for each in CALLS:
        _measure_call(program, each, files, sluice, ganesha)
    at_most("nfs.peak-memory-MiB", sluice.process.usage().peak_resident_bytes / MIB, None)
    for server in files:
        server.terminate()


def _measure_read(
    program, read: Read, files: dict[NFSServer, str], sluice: NFSServer, ganesha: NFSServer | None
) -> None:
    throughput, processor = _rounds(
        files,
        lambda server: load.apply(
            program,
            server,
            files[server],
            read.test,
            read.bytes // read.size,
            read.depth,
            read.size,
        ),
        lambda done: (done.bytes / done.seconds / 1e6, done.server_cpu_seconds / done.bytes * GIB),
    )
    yardstick = (throughput[ganesha], 0.8 * processor[ganesha]) if ganesha else (None, None)
    at_least(f"nfs.{read.name}.MB/s", throughput[sluice], yardstick[0])
    at_most(f"nfs.{read.name}.cpu-s/GiB", processor[sluice], yardstick[1])


def _measure_call(
    program, call: Call, files: dict[NFSServer, str], sluice: NFSServer, ganesha: NFSServer | None
) -> None:
    rate, processor = _rounds(
        files,
        lambda server: load.apply(program, server, files[server], call.test, call.count, 32),
        lambda done: (done.calls / done.seconds, done.server_cpu_seconds / done.calls * 1e6),
    )
    goal = max(call.goal, call.ratio * rate[ganesha]) if ganesha else call.goal
    at_least(f"nfs.{call.name}.ops/s", rate[sluice], goal)
    at_most(f"nfs.{call.name}.cpu-µs/op", processor[sluice], processor.get(ganesha))


def _rounds(servers, apply, figures) -> tuple[dict, dict]:
    """Medians of two figures a server; the servers take turns."""
    results = {server: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            results[server].append(figures(apply(server)))
    return tuple(
        {
            server: statistics.median(each[number] for each in results[server])
            for server in servers
        }
        for number in range(2)
    )
