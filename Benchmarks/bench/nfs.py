"""Cached reads, small calls and listings over NFS, beside nfs-ganesha if it is installed.

READs are also compared with `bare_server`, which knows nothing of NFS but how to read the data and write
it: what that takes is the kernel's.
"""

from __future__ import annotations

import os
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import libtorrent

from testbed.ganesha_server import GaneshaServer
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.network import Network
from testbed.nfs_server import NFSServer
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import make_single_file
from testbed.tracker import ANNOUNCE_URL

from . import load
from .figures import ROUNDS, at_least, at_most, note

FILE_SIZE = 512 * MIB
LISTINGS = [10_000, 100_000]
_UNFS3_CALLS = 67_000
"""GETATTRs a second that unfs3, the quickest of the small servers, was measured to answer."""


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
    ratio: float | None


READS = [
    Read("read-1MiB-depth-1", "read", MIB, 1, 4 * GIB),
    Read("read-1MiB-depth-4", "read", MIB, 4, 4 * GIB),
    Read("read-1MiB-depth-16", "read", MIB, 16, 4 * GIB),
    Read("read-128KiB-depth-8", "read", 128 << 10, 8, 4 * GIB),
    Read("random-64KiB-depth-1", "random", 64 << 10, 1, 2 * GIB),
]
CALLS = [
    Call("null-depth-32", "null", 300_000, 137_000, None),
    Call("getattr-depth-32", "getattr", 200_000, 1.2 * _UNFS3_CALLS, 3),
    Call("lookup-depth-32", "lookup", 200_000, 1.2 * _UNFS3_CALLS, 3),
]


class BareServer(NFSServer):
    """`bare_server`, for READs of one file, whatever its path."""

    mount_port = port = 20590

    def __init__(self, network: Network, directory: Path, file: Path):
        super().__init__(network, directory)
        self._file = file
        self._program = load.build(directory, "bare_server")

    def arguments(self) -> list[str]:
        return [str(self._program), str(self.port), str(self._file)]


@dataclass(frozen=True)
class Servers:
    """All have the same in memory; where it lies below their exports differs."""

    sluice: SluiceServer
    ganesha: GaneshaServer | None
    bare: BareServer
    program: Path

    def all(self) -> list[NFSServer]:
        """Without the bare one."""
        return [self.sluice] + ([self.ganesha] if self.ganesha else [])

    def path(self, server: NFSServer, name: str) -> str:
        return f"films/{name}" if server is self.sluice else name

    def rounds(
        self,
        servers: list[NFSServer],
        name: str,
        figures: Callable[[load.Load], tuple[float, ...]],
        *test,
        anew: bool = False,
    ) -> tuple[list[float], list[list[float]]]:
        """Medians of each figure of the first server, and of its ratios to those of the others in the
        same round.

        The servers take turns. With `anew` each is started again before each round.
        """
        values, ratios = [], [[] for _ in servers[1:]]
        for _ in range(ROUNDS):
            of_all = []
            for server in servers:
                if anew:
                    server.terminate()
                    server.start()
                done = load.apply(self.program, server, self.path(server, name), *test)
                of_all.append(figures(done))
            values.append(of_all[0])
            for other, of_other in zip(ratios, of_all[1:]):
                other.append([mine / theirs for mine, theirs in zip(of_all[0], of_other)])
        return _medians(values), [_medians(other) for other in ratios]


def _medians(rows: list[tuple[float, ...]]) -> list[float]:
    return list(map(statistics.median, zip(*rows)))


def measure(scene: Scene) -> None:
    directory = scene.directory / "nfs"
    film = make_single_file(directory, "film.mkv", FILE_SIZE, MIB, [[ANNOUNCE_URL]])
    listings = [_make_listing(directory, count) for count in LISTINGS]
    seed = LibtorrentSeed(scene.network, scene.tracker, [film], directory)
    sluice = SluiceServer(
        scene.network, directory / "sluice", [Route("films", [film, *listings])]
    )
    sluice.start()
    program = load.build(directory)
    load.apply(program, sluice, sluice.path("films", film), "read", FILE_SIZE // MIB, 4)
    seed.stop()
    ganesha = None
    if shutil.which("ganesha.nfsd"):
        ganesha = GaneshaServer(scene.network, directory / "ganesha", film.data, port=20490)
        ganesha.start()
    else:
        note("nfs-ganesha is not installed: no goals that compare with it")
    bare = BareServer(scene.network, directory / "bare", film.data / film.name)
    bare.start()
    servers = Servers(sluice, ganesha, bare, program)
    note(f"nfs: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    for each in READS:
        _measure_read(servers, each, film.name)
    for each in CALLS:
        _measure_call(servers, each, film.name)
    for count in LISTINGS:
        _measure_listing(servers, count, f"list-{count}", 1_000_000 // count)
    at_most("nfs.peak-memory-MiB", sluice.process.usage().peak_resident_bytes / MIB, None)
    for count in LISTINGS:
        _measure_listing(servers, count, f"first-list-{count}", 1, anew=True)
    for server in [*servers.all(), bare]:
        server.terminate()
    shutil.rmtree(directory)


def _measure_read(servers: Servers, read: Read, file: str) -> None:
    (rate, processor), ratios = servers.rounds(
        [*servers.all(), servers.bare],
        file,
        lambda done: (done.bytes / done.seconds / 1e6, done.server_cpu_seconds / done.bytes * GIB),
        read.test,
        read.bytes // read.size,
        read.depth,
        read.size,
    )
    at_least(f"nfs.{read.name}.MB/s", rate, None)
    at_most(f"nfs.{read.name}.cpu-s/GiB", processor, None)
    if servers.ganesha:
        at_least(f"nfs.{read.name}.rate-ratio", ratios[0][0], 1)
        at_most(f"nfs.{read.name}.cpu-ratio", ratios[0][1], 0.8)
    at_most(f"nfs.{read.name}.cpu-ratio-to-bare", ratios[-1][1], None)


def _measure_call(servers: Servers, call: Call, file: str) -> None:
    (rate, processor), ratios = servers.rounds(
        servers.all(),
        file,
        lambda done: (done.calls / done.seconds, done.server_cpu_seconds / done.calls * 1e6),
        call.test,
        call.count,
        32,
    )
    at_least(f"nfs.{call.name}.ops/s", rate, call.goal)
    at_most(f"nfs.{call.name}.cpu-µs/op", processor, None)
    for rate_ratio, processor_ratio in ratios:
        at_least(f"nfs.{call.name}.rate-ratio", rate_ratio, call.ratio)
        at_most(f"nfs.{call.name}.cpu-ratio", processor_ratio, None)


def _measure_listing(
    servers: Servers, count: int, name: str, times: int, anew: bool = False
) -> None:
    """Lists a directory of `count` files again and again, or once after each start."""
    (seconds, processor), ratios = servers.rounds(
        servers.all(),
        _listing_name(count),
        lambda done: (
            done.seconds * count / done.calls,
            done.server_cpu_seconds / done.calls * 1e6,
        ),
        "list",
        times,
        1,
        64 << 10,
        anew=anew,
    )
    at_most(f"nfs.{name}.ms", seconds * 1e3, None)
    at_most(f"nfs.{name}.cpu-µs/entry", processor, None)
    for time_ratio, processor_ratio in ratios:
        at_most(f"nfs.{name}.time-ratio", time_ratio, 1)
        at_most(f"nfs.{name}.cpu-ratio", processor_ratio, 0.5)


def _listing_name(count: int) -> str:
    return f"library-{count}"


def _make_listing(directory: Path, count: int) -> Path:
    """A torrent of `count` files of a byte in one directory, and the files for ganesha."""
    name, length = _listing_name(count), 16 << 10
    data = directory / "data" / name
    data.mkdir(parents=True)
    names = [f"Some Show - Season {number // 1000:02} - {number:06}.mkv" for number in range(count)]
    for each in names:
        (data / each).write_bytes(b"\0")
    info = {
        b"name": name.encode(),
        b"piece length": length,
        b"pieces": os.urandom(20 * -(-count // length)),
        b"files": [{b"length": 1, b"path": [each.encode()]} for each in names],
    }
    metainfo = directory / "metainfo" / f"{name}.torrent"
    metainfo.write_bytes(libtorrent.bencode({b"info": info}))
    return metainfo
