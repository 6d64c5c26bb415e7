"""A player that jumps about in a film: Sluice through NFS, and libtorrent with deadlines of pieces,
watched from inside.

Swarm A is eight seeds of 1 MB/s, 40 ms away. Swarm B is eight of 300 kB/s, four of 20 kB/s that are
150 ms away, and three that unchoke and never send. The player takes 1 MB/s; it jumps to five
places and plays 13 MiB at each. Both are asked for the same: the first whole piece at the new
place, and each further one when it is due.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from testbed.network import SERVER_ADDRESS
from testbed.nfs_wire import JUKEBOX, OK
from testbed.processes import Process, TestbedError
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .download import newest_libtorrent
from .figures import ROUNDS, at_most, note
from .paced_swarm import Delivered, PacedSwarm, Peers, SeedsBehind
from .playing import Position, play

_SIZE = 512 * MIB
_PIECE = MIB
_READ = 128 << 10
_RATE = 1_000_000
_PIECES = 12
_JUMPS = 4
_APART = 40
_TIMEOUT = 25
_READER = Path(__file__).with_name("deadline_reader.py")


@dataclass(frozen=True)
class Swarm:
    """Goals in seconds."""

    name: str
    kinds: list[Peers]
    first_piece: float
    seek: float


_SWARMS = [
    Swarm("A", [Peers(8, 1_000_000, 0.04)], 0.65, 0.30),
    Swarm(
        "B",
        [Peers(8, 300_000, 0.04), Peers(4, 20_000, 0.15), Peers(3, 0, 0.04, stall=True)],
        1.5,
        0.65,
    ),
]
_REDUNDANT = 2
"""Goal, in percent of what was delivered."""


@dataclass(frozen=True)
class Run:
    positions: list[Position]
    delivered: Delivered


def measure(scene: Scene) -> None:
    directory = scene.directory / "stream"
    torrent = make_single_file(directory, "film.mkv", _SIZE, _PIECE, [[ANNOUNCE_URL]])
    wanted = os.environ.get("SWARMS", "A,B").split(",")
    alone = "ALONE" in os.environ
    python = "" if alone else newest_libtorrent()
    seeds = SeedsBehind(scene, torrent, directory, seeds=12, stallers=3)
    note(f"stream: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    for swarm in [each for each in _SWARMS if each.name in wanted]:
        ours, theirs = [], []
        for number in range(ROUNDS):
            positions = _positions(number)
            ours.append(_by_sluice(scene, seeds, swarm, positions, directory))
            note(f"stream.{swarm.name}: Sluice {_line(ours[-1])}")
            if not alone:
                theirs.append(_by_libtorrent(scene, python, seeds, swarm, positions, directory))
                note(f"stream.{swarm.name}: libtorrent {_line(theirs[-1])}")
        _print(swarm, ours, theirs)
    seeds.stop()
    shutil.rmtree(directory)


def _positions(number: int) -> list[int]:
    """Numbers of pieces: the first, and others so far apart that no reading ahead leads there."""
    generator = random.Random(f"stream {number}")
    places = [0]
    while len(places) <= _JUMPS:
        place = generator.randrange(_SIZE // _PIECE - _APART)
        if all(abs(place - other) >= _APART for other in places):
            places.append(place)
    return places


class NFSSource:
    """Reads a piece as clients of NFS do: all of it at once, in READs of 128 KiB."""

    def __init__(self, server: SluiceServer, torrent: Torrent):
        self._torrent = torrent
        root = server.root_handle()
        self._connection = server.connect()
        self._file = self._connection.walk(root, server.path("films", torrent))

    def seek(self, piece: int) -> None:
        """NFS knows of none."""

    def wait(self, piece: int) -> None:
        begin, end = piece * _PIECE, min((piece + 1) * _PIECE, self._torrent.size)
        deadline = time.monotonic() + _TIMEOUT
        waiting = [
            (at, self._connection.send_read(self._file, at, min(_READ, end - at)))
            for at in range(begin, end, _READ)
        ]
        parts = {}
        while waiting:
            at, call = waiting.pop(0)
            stop = min(at - at % _READ + _READ, end)
            reply = self._connection.read_reply(call, 0, deadline - time.monotonic())
            if reply.status not in (OK, JUKEBOX):
                raise TestbedError(f"READ at {at}: nfsstat3 {reply.status}")
            parts[at] = reply.data
            at += len(reply.data)
            if at < stop:
                waiting.append((at, self._connection.send_read(self._file, at, stop - at)))
        data = b"".join(parts[at] for at in sorted(parts))
        if data != self._torrent.read(begin, end - begin):
            raise TestbedError(f"piece {piece} came wrong")

    def close(self) -> None:
        self._connection.close()


def _by_sluice(
    scene: Scene, seeds: SeedsBehind, swarm: Swarm, positions: list[int], directory: Path
) -> Run:
    # The proxies count blocks, so they have to see them.
    settings = {"bittorrent": {"encryption": "disable", "utp": False}}
    routes = [Route("films", [seeds.torrent])]
    paced = seeds.swarm(swarm.kinds)
    server = SluiceServer(scene.network, directory / "sluice", routes, settings)
    server.start()
    source = NFSSource(server, seeds.torrent)
    played = play(source, positions, _PIECES, _PIECE / _RATE)
    run = _end(paced, played)
    source.close()
    server.terminate()
    shutil.rmtree(server.directory)
    return run


def _by_libtorrent(
    scene: Scene,
    python: str,
    seeds: SeedsBehind,
    swarm: Swarm,
    positions: list[int],
    directory: Path,
) -> Run:
    paced = seeds.swarm(swarm.kinds)
    data, log = directory / "libtorrent", directory / "deadline-reader.log"
    log.unlink(missing_ok=True)
    settings = {
        "torrent": str(seeds.quiet_metainfo),
        "data": str(data),
        "address": SERVER_ADDRESS,
        "port": 6882,
        "peers": paced.peers,
        "positions": positions,
        "pieces": _PIECES,
        "rate": _RATE,
    }
    command = [python, str(_READER), json.dumps(settings)]
    reader = Process(scene.network.on_server_side(command), log)
    if reader.wait(600) != 0:
        raise TestbedError(f"libtorrent did not play: {reader.log()}")
    played = json.loads(reader.log().split("played")[1])
    run = _end(paced, [Position(*each) for each in played])
    shutil.rmtree(data)
    return run


def _end(paced: PacedSwarm, played: list[Position]) -> Run:
    # The last report of what was delivered.
    time.sleep(0.5)
    delivered = paced.delivered()
    paced.stop()
    return Run(played, delivered)


def _line(run: Run) -> str:
    latencies = " ".join(f"{each.latency:.2f}" for each in run.positions)
    stalls = " ".join(f"{each.stalled:.2f}" for each in run.positions)
    moved = f"{run.delivered.bytes / 1e6:.1f} MB, {run.delivered.repeated / 1e6:.2f} of it twice"
    return f"latencies {latencies} s, stalls {stalls} s, delivered {moved}"


def _print(swarm: Swarm, ours: list[Run], theirs: list[Run]) -> None:
    _print_one(f"stream.{swarm.name}", ours, swarm)
    if theirs:
        _print_one(f"stream.{swarm.name}.libtorrent", theirs, None)


def _print_one(name: str, runs: list[Run], goals: Swarm | None) -> None:
    first = statistics.median(run.positions[0].latency for run in runs)
    seeks = sorted(each.latency for run in runs for each in run.positions[1:])
    positions = [each for run in runs for each in run.positions]
    stalled = sum(each.stalled for each in positions)
    played = sum(each.played for each in positions)
    delivered = sum(run.delivered.bytes for run in runs)
    repeated = sum(run.delivered.repeated for run in runs)
    at_most(f"{name}.first-piece-s", first, goals and goals.first_piece)
    at_most(f"{name}.seek-median-s", statistics.median(seeks), goals and goals.seek)
    at_most(f"{name}.seek-p90-s", seeks[int(0.9 * (len(seeks) - 1) + 0.5)], None)
    at_most(f"{name}.stall-s/min", stalled / played * 60, goals and 0)
    at_most(f"{name}.redundant-%", repeated / max(delivered, 1) * 100, goals and _REDUNDANT)
