"""A film of 20 Mbit/s, played for five minutes from a share that the Linux kernel has mounted, by
three libtorrent seeds that can send one and a half times as much together.

Every READ is timed between the kernel and the server; what a player notices is less, as the kernel
reads ahead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from testbed import paced_playback
from testbed.kernel_client import KernelClient
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import at_most, note

_SIZE = 768 * MIB
_SECONDS = 300


def measure(scene: Scene) -> None:
    directory = scene.directory / "paced"
    film = make_single_file(directory, "film.mkv", _SIZE, MIB, [[ANNOUNCE_URL]])
    limit = paced_playback.SEED_RATE
    seeds = [
        LibtorrentSeed(
            scene.network, scene.tracker, [film], directory, torrent_upload_limit=limit
        )
        for _ in range(paced_playback.SEEDS)
    ]
    server = SluiceServer(scene.network, directory / "sluice", [Route("films", [film])])
    server.start()
    note(f"paced: {_SECONDS} s, load average {os.getloadavg()[0]:.1f}")
    before = server.process.usage().cpu_seconds
    # Not below /dev, where the guest has files of its own.
    with tempfile.TemporaryDirectory(prefix="sluice-guest.") as place:
        guest = KernelClient(scene.network, Path(place))
        playback = paced_playback.play(guest, server, film, _SECONDS)
        guest.shut_down()
    at_most("paced.longest-read-s", playback.longest_read, paced_playback.LONGEST)
    at_most("paced.longest-wait-of-player-s", playback.longest_wait, paced_playback.LONGEST)
    at_most("paced.cpu-s", server.process.usage().cpu_seconds - before, None)
    server.terminate()
    for seed in seeds:
        seed.stop()
    shutil.rmtree(directory)
