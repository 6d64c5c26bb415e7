"""What players read when they open a film and jump in it, replayed through libnfs on a film of which
nothing is there: how much is fetched, in relation to the pieces that are touched, and how long it
takes.

The ranges were seen with films of 122 MB and two minutes, read at 3 MB/s: that is what three seeds,
25 ms away, send together.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from testbed.libnfs_file import LibnfsFile
from testbed.processes import TestbedError
from testbed.scene import Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import at_most, note
from .paced_swarm import Peers, SeedsBehind

_SIZE = 122_000_000
_PIECE = 256 << 10
_SWARM = [Peers(3, 1_000_000, 0.025)]
_READ = 64 << 10
_GOAL = 1.2

_MIDDLE = _SIZE // 2
_CUES = (_SIZE - 1_300, 1_300)
_MOOV = (_SIZE - 86_000, 86_000)
_LAST = (_SIZE - 250_000, 250_000)
_FROM_THE_END = [(_SIZE - (900 << step), 900 << step) for step in range(9)]
_HALVING = [(_MIDDLE + (2_000_000 >> step), 64 << 10) for step in range(6)]

_SCRIPTS = {
    "ffmpeg.mkv": [(0, 1_000_000)],
    "ffmpeg.mkv-index-first": [(0, 32_000), (200_762, 1_000_000)],
    "ffmpeg.mkv-jump": [(0, 1_000_000), _CUES, (0, 16_000), (_MIDDLE, 430_000)],
    "ffmpeg.mp4": [(0, 16_000), _MOOV, (48, 330_000)],
    "ffmpeg.mp4-jump": [(0, 16_000), _MOOV, (48, 330_000), (_MIDDLE, 430_000)],
    "ffmpeg.ts": [(0, 5_200_000), _LAST, (0, 64_000)],
    "ffmpeg.ts-jump": [(0, 5_200_000), _LAST, (0, 64_000), *_FROM_THE_END, *_HALVING],
    "mpv.mkv-jump": [(0, 360_000), _CUES, (_MIDDLE, 500_000)],
    "mpv.mp4-jump": [(0, 49_000), _MOOV, (_MIDDLE, 500_000)],
    "vlc.mkv-jump": [(0, 32_000), _CUES, (123, 2_500_000), (_MIDDLE, 1_000_000)],
    "vlc.mp4-jump": [(0, 32_000), _MOOV, (48, 1_000_000), (_MIDDLE, 1_000_000)],
}
"""Offset and length of each range that a player reads, one after the other."""


def measure(scene: Scene) -> None:
    directory = scene.directory / "opening"
    torrent = make_single_file(directory, "film.mkv", _SIZE, _PIECE, [[ANNOUNCE_URL]])
    note(f"opening: {len(_SCRIPTS)} scripts, load average {os.getloadavg()[0]:.1f}")
    seeds = SeedsBehind(scene, torrent, directory, seeds=3, stallers=0)
    for name, ranges in _SCRIPTS.items():
        fetched, seconds = _replay(scene, seeds, ranges, directory)
        at_most(f"opening.{name}.fetched-ratio", fetched / _touched(ranges), _GOAL)
        at_most(f"opening.{name}.s", seconds, None)
    seeds.stop()
    shutil.rmtree(directory)


def _touched(ranges: list[tuple[int, int]]) -> int:
    """Bytes of the pieces that the ranges touch."""
    pieces = set()
    for offset, length in ranges:
        pieces.update(range(offset // _PIECE, (offset + length - 1) // _PIECE + 1))
    return sum(min(_PIECE, _SIZE - piece * _PIECE) for piece in pieces)


def _replay(
    scene: Scene, seeds: SeedsBehind, ranges: list[tuple[int, int]], directory: Path
) -> tuple[int, float]:
    """Bytes that were delivered, and the seconds until the last range was there."""
    torrent = seeds.torrent
    paced = seeds.swarm(_SWARM)
    # The proxies count blocks, so they have to see them.
    settings = {"bittorrent": {"encryption": "disable", "utp": False}}
    routes = [Route("films", [torrent])]
    server = SluiceServer(scene.network, directory / "sluice", routes, settings)
    server.start()
    file = LibnfsFile(server.address, server.export, server.path("films", torrent))
    began = time.monotonic()
    for offset, length in ranges:
        for at in range(offset, offset + length, _READ):
            count = min(_READ, offset + length - at)
            if file.read(at, count) != torrent.read(at, count):
                raise TestbedError(f"opening: bytes at {at} came wrong")
    seconds = time.monotonic() - began
    # From here on the film is played, and read in advance with good reason.
    server.kill()
    time.sleep(0.5)
    delivered = paced.delivered().bytes
    paced.stop()
    shutil.rmtree(server.directory)
    return delivered, seconds
