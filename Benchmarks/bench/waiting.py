"""Clients that wait, that are many, and that take their replies a byte at a time."""

from __future__ import annotations

import os
import resource
import shutil
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import Iterator

from testbed.libtorrent_seed import LibtorrentSeed
from testbed.nfs_wire import GETATTR, JUKEBOX, NFS_PROGRAM, OK, NFSConnection, opaque
from testbed.scene import GIB, MIB, Scene
from testbed.scripted_seed import Staller
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from . import load
from .figures import at_least, at_most, note

WAITING, WAITING_CONNECTIONS = 10_000, 8
CONNECTIONS = 2_000
SLOW_READERS, READS_OF_EACH = 1_000, 16
_STALL_SECONDS = 25
"""How long the server holds a READ for which nothing is there (`stall_timeout`)."""


def measure(scene: Scene) -> None:
    directory = scene.directory / "waiting"
    cached, absent = (
        make_single_file(directory / name, name, 64 * MIB, MIB // 4, [[ANNOUNCE_URL]])
        for name in ["cached.mkv", "absent.mkv"]
    )
    _allow_descriptors(2 * CONNECTIONS)
    seed = LibtorrentSeed(scene.network, scene.tracker, [cached], directory)
    staller = Staller(scene.network, scene.tracker, absent)
    server = SluiceServer(scene.network, directory / "sluice", [Route("films", [cached, absent])])
    server.start()
    program = load.build(directory)
    read = (program, server, server.path("films", cached), "read")
    load.apply(*read, 64, 4)
    seed.stop()
    note(f"waiting: load average {os.getloadavg()[0]:.1f}")
    # What memory was once taken is kept, so what takes most comes last.
    _measure_waiting(server, absent)
    _measure_many(server)
    alone = load.apply(*read, 2 * GIB // MIB, 4)
    _measure_slow(server, cached, alone, lambda: load.apply(*read, 2 * GIB // MIB, 4))
    server.terminate()
    staller.stop()
    shutil.rmtree(directory)


def _measure_many(server: SluiceServer) -> None:
    """2,000 connections at once, each of which is served."""
    root = server.root_handle()
    before = _resident(server)
    began = time.monotonic()
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(CONNECTIONS)]
        calls = [(each, each.send(NFS_PROGRAM, GETATTR, opaque(root))) for each in connections]
        answered = sum(each.reply(xid).uint32() == OK for each, xid in calls)
        at_least(f"waiting.{CONNECTIONS}-connections.answered", answered, CONNECTIONS)
        at_most(f"waiting.{CONNECTIONS}-connections.seconds", time.monotonic() - began, None)
        at_most(
            f"waiting.{CONNECTIONS}-connections.memory-MiB",
            (_resident(server) - before) / MIB,
            32,
        )


def _measure_slow(server: SluiceServer, film: Torrent, alone: load.Load, read) -> None:
    """1,000 clients ask for 16 MiB each and take a byte at a time; others do not feel it."""
    root = server.root_handle()
    before = _resident(server)
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(SLOW_READERS)]
        handle = slow[0].walk(root, server.path("films", film))
        for each in slow:
            for number in range(READS_OF_EACH):
                each.send_read(handle, number * MIB, MIB)
        ended = threading.Event()
        nibbler = threading.Thread(target=_take_bytes, args=(slow, ended))
        nibbler.start()
        with _attributes(server, root) as latencies:
            time.sleep(5)
        beside = read()
        memory = _resident(server) - before
        ended.set()
        nibbler.join()
    # 64 MiB that may be held, 16 KiB a client beyond them, and what a connection takes.
    at_most(f"waiting.{SLOW_READERS}-slow-readers.memory-MiB", memory / MIB, 64 + 16 + 32)
    _print_latencies(f"waiting.{SLOW_READERS}-slow-readers", latencies)
    at_least(
        f"waiting.{SLOW_READERS}-slow-readers.other-reader-rate-ratio",
        alone.seconds / beside.seconds,
        0.8,
    )


def _measure_waiting(server: SluiceServer, film: Torrent) -> None:
    """10,000 READs of which nothing comes, until the last was told to come again."""
    root = server.root_handle()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(server.connect()) for _ in range(WAITING_CONNECTIONS)
        ]
        handle = connections[0].walk(root, server.path("films", film))
        before = _resident(server)
        with _attributes(server, handle) as latencies:
            began = time.monotonic()
            reads = [
                (each, each.send_read(handle, number * 4096, 4096))
                for number in range(WAITING)
                for each in [connections[number % WAITING_CONNECTIONS]]
            ]
            time.sleep(_STALL_SECONDS / 2)
            memory = _resident(server) - before
            told = [each.read_reply(xid, began, 60).status for each, xid in reads]
    at_least(f"waiting.{WAITING}-reads.told-to-come-again", told.count(JUKEBOX), WAITING)
    at_most(f"waiting.{WAITING}-reads.memory-MiB", memory / MIB, 32)
    _print_latencies(f"waiting.{WAITING}-reads", latencies)


@contextmanager
def _attributes(server: SluiceServer, handle: bytes) -> Iterator[list[float]]:
    """Asks for attributes all the time, on a connection of its own; how long each took."""
    latencies: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        with server.connect() as connection:
            while not ended.is_set():
                began = time.monotonic()
                connection.attributes(handle)
                latencies.append(time.monotonic() - began)
                time.sleep(0.002)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield latencies
    finally:
        ended.set()
        thread.join()


def _print_latencies(name: str, latencies: list[float]) -> None:
    ordered = sorted(latencies)
    at_most(f"{name}.getattr-p99-ms", 1e3 * ordered[len(ordered) * 99 // 100], 10)
    at_most(f"{name}.getattr-max-ms", 1e3 * ordered[-1], None)


def _take_bytes(connections: list[NFSConnection], ended: threading.Event) -> None:
    while not ended.is_set():
        for each in connections:
            each.socket.recv(1)
        time.sleep(1)


def _resident(server: SluiceServer) -> int:
    return server.process.usage().resident_bytes


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
