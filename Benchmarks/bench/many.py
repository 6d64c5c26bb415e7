"""10,000 registered torrents: how soon they are there, what they cost, beside libtorrent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import libtorrent

from testbed.libnfs_client import LibnfsClient
from testbed.processes import wait_until
from testbed.scene import MIB, Scene
from testbed.sluice_server import Route, SluiceServer

from .figures import at_most, note

COUNT = int(os.environ.get("MANY", "10000"))
_PIECES = 500
_FILES = 4
_IDLE_SECONDS = 20

_LIBTORRENT = """
import json, resource, sys, time
import libtorrent
from pathlib import Path
settings = {"listen_interfaces": "", "enable_dht": False, "enable_lsd": False, "alert_mask": 0}
session = libtorrent.session(settings)
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
before, began = resident(), time.monotonic()
for path in sorted(Path(sys.argv[1]).glob("*.torrent")):
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(str(path))
    parameters.save_path = "/nowhere"
    parameters.flags = libtorrent.torrent_flags.paused
    session.async_add_torrent(parameters)
while session.get_torrents().__len__() < int(sys.argv[2]):
    time.sleep(0.01)
print(json.dumps([time.monotonic() - began, resident() - before]))
"""


def measure(scene: Scene) -> None:
    directory = scene.directory / "many"
    folder = directory / "torrents"
    make_torrents(folder, COUNT)
    server = SluiceServer(scene.network, directory / "sluice", [Route("shows", folders=[folder])])
    note(f"many: {COUNT} torrents, load average {os.getloadavg()[0]:.1f}")
    empty = _resident_without_torrents(scene, directory)

    at_most("many.first-start-s", _start(server), 2)
    began = time.monotonic()
    client = LibnfsClient(server.address, server.export)
    wait_until(lambda: len(client.list("shows")) == COUNT, 300, "all torrents", interval=0.5)
    at_most("many.import-s", time.monotonic() - began, None)
    at_most("many.first-start-cpu-s", server.process.usage().cpu_seconds, None)
    at_most("many.first-stop-s", server.terminate(timeout=30), 1)

    seconds = _start(server)
    at_most("many.start-s", seconds, 2)
    at_most("many.start-cpu-s", server.process.usage().cpu_seconds, 1)
    assert len(client.list("shows")) == COUNT
    resident = server.process.usage().resident_bytes
    at_most("many.resident-MiB", resident / MIB, 200)
    per_torrent = (resident - empty) / COUNT
    before = server.process.usage().cpu_seconds
    time.sleep(_IDLE_SECONDS)
    busy = (server.process.usage().cpu_seconds - before) / _IDLE_SECONDS
    at_most("many.idle-cpu-%", 100 * busy, 1)
    at_most("many.stop-s", server.terminate(timeout=30), 1)
    theirs = _libtorrent(folder)
    at_most("many.bytes-per-torrent", per_torrent, theirs / 3)
    shutil.rmtree(directory)


def make_torrents(folder: Path, count: int) -> None:
    """As those of a show: a gigabyte in four files, a megabyte a piece, nobody has it."""
    folder.mkdir(parents=True)
    for number in range(count):
        info = {
            b"name": b"Some Show %05d" % number,
            b"piece length": MIB,
            b"pieces": os.urandom(20 * _PIECES),
            b"files": [
                {
                    b"length": MIB * _PIECES // _FILES,
                    b"path": [b"Season %02d" % (number % 9), b"Some.Show.E%02d.1080p.mkv" % file],
                }
                for file in range(_FILES)
            ],
        }
        (folder / f"{number:05}.torrent").write_bytes(libtorrent.bencode({b"info": info}))


def _start(server: SluiceServer) -> float:
    """Returns the seconds to the first answer over NFS."""
    began = time.monotonic()
    server.start(timeout=120)
    with server.connect() as connection:
        connection.walk(server.root_handle(), "shows")
    return time.monotonic() - began


def _resident_without_torrents(scene: Scene, directory: Path) -> int:
    server = SluiceServer(scene.network, directory / "empty", [])
    server.start()
    time.sleep(1)
    resident = server.process.usage().resident_bytes
    server.terminate()
    return resident


def _libtorrent(folder: Path) -> float:
    """Bytes that a paused torrent takes in libtorrent."""
    command = [sys.executable, "-c", _LIBTORRENT, str(folder), str(COUNT)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, taken = json.loads(output)
    note(f"many: libtorrent takes {seconds:.1f} s and {taken / COUNT:.0f} bytes a torrent")
    return taken / COUNT
