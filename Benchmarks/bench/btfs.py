"""btfs, a file system of FUSE on libtorrent, and Sluice through libnfs, from one seed: how soon
the first bytes come, how soon those at other places, and how fast a film is read in order.

The first bytes count from the start of the program. The seed speaks TCP alone; btfs tries uTP first
and waits for an answer, so a session with a seed of both is noted as well.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from testbed.kernel_client import KernelClient
from testbed.libnfs_file import LibnfsFile
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.network import SERVER_ADDRESS
from testbed.processes import Process, TestbedError, wait_until
from testbed.scene import GIB, MIB, Scene
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent, make_single_file
from testbed.tracker import ANNOUNCE_URL

from .figures import ROUNDS, at_least, at_most, note

_SIZE = GIB
_FIRST = 64 << 10
_SEQUENTIAL = 192 * MIB
_WITH_UTP = {"enable_incoming_utp": True, "enable_outgoing_utp": True}


@dataclass(frozen=True)
class Session:
    """Seconds, and of the reading in order bytes a second and processor seconds."""

    first: float
    seek_50: float
    seek_90: float
    rate: float
    cpu: float


class SluiceFile:
    """A server that has just been started, and the film through libnfs."""

    def __init__(self, scene: Scene, torrent: Torrent, directory: Path):
        routes = [Route("films", [torrent])]
        self._server = SluiceServer(scene.network, directory / "sluice", routes)
        self.began = time.monotonic()
        self._server.start()
        path = self._server.path("films", torrent)
        self._file = LibnfsFile(self._server.address, self._server.export, path)
        self.process = self._server.process

    def read(self, offset: int, count: int) -> bytes:
        return self._file.read(offset, count)

    def close(self) -> None:
        self._file.close()
        self._server.terminate()
        shutil.rmtree(self._server.directory)


class BtfsFile:
    """A mount that has just been made, and the film in it."""

    def __init__(self, scene: Scene, torrent: Torrent, directory: Path):
        self._tracker = scene.tracker
        self._directory = directory / "btfs"
        self._mount = self._directory / "mount"
        self._mount.mkdir(parents=True)
        data = self._directory / "data"
        data.mkdir()
        command = ["btfs", "-f", f"--data-directory={data}", "--min-port=7881"]
        command += ["--max-port=7890", str(torrent.metainfo), str(self._mount)]
        self._command = scene.network.on_server_side(command)
        self._log = directory / "btfs.log"
        self._start()
        film = self._mount / torrent.name
        wait_until(lambda: self._shows(film), 30, "file of btfs", interval=0.01)
        self._file = os.open(film, os.O_RDONLY)

    def _start(self) -> None:
        self.began = time.monotonic()
        self.process = Process(
            self._command, self._log, environment={"HOME": str(self._directory)}
        )

    def _shows(self, film: Path) -> bool:
        """Looked at too early, btfs may end for a fault of its own; it is then started again."""
        if self.process.exit_code is not None:
            subprocess.run(["umount", "-l", str(self._mount)], capture_output=True)
            self._start()
        try:
            return film.exists()
        except OSError:
            return False

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self._file, count, offset)

    def close(self) -> None:
        os.close(self._file)
        subprocess.run(["umount", "-l", str(self._mount)], check=True)
        self.process.terminate()
        shutil.rmtree(self._directory)
        self._tracker.remove_peer(SERVER_ADDRESS)


def measure(scene: Scene) -> None:
    if not shutil.which("btfs") or not os.access("/dev/fuse", os.W_OK):
        note("btfs: not compared with, for want of the program btfs or of /dev/fuse")
        return
    directory = scene.directory / "btfs"
    torrent = make_single_file(directory, "film.mkv", _SIZE, MIB, [[ANNOUNCE_URL]])
    note(f"btfs: {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        for kind, sessions in ((SluiceFile, ours), (BtfsFile, theirs)):
            sessions.append(_session(kind, scene, torrent, directory))
            note(f"btfs: {kind.__name__} {sessions[-1]}")
    _print(ours, theirs)
    _note_kernel(scene, torrent, directory)
    for kind in (SluiceFile, BtfsFile):
        session = _session(kind, scene, torrent, directory, _WITH_UTP)
        note(f"btfs: by a seed that speaks uTP, too: {kind.__name__} {session}")
    shutil.rmtree(directory)


def _session(
    kind, scene: Scene, torrent: Torrent, directory: Path, settings: dict = {}
) -> Session:
    """Two runs of the program, each with an empty cache and a seed that has met nobody."""
    seed = _seed(scene, torrent, directory, settings)
    file = kind(scene, torrent, directory)
    _read(file, torrent, 0, _FIRST)
    first = time.monotonic() - file.began
    seeks = [
        _read(file, torrent, torrent.size * part // 100 & -_FIRST, _FIRST) for part in (50, 90)
    ]
    file.close()
    seed.stop()
    seed = _seed(scene, torrent, directory, settings)
    file = kind(scene, torrent, directory)
    before = file.process.usage().cpu_seconds
    # From the second read on: how soon the first one is answered has been measured.
    _read(file, torrent, 0, MIB)
    seconds = sum(
        _read(file, torrent, offset, MIB) for offset in range(MIB, MIB + _SEQUENTIAL, MIB)
    )
    cpu = file.process.usage().cpu_seconds - before
    file.close()
    seed.stop()
    return Session(first, seeks[0], seeks[1], _SEQUENTIAL / seconds, cpu)


def _seed(scene: Scene, torrent: Torrent, directory: Path, settings: dict) -> LibtorrentSeed:
    """One that has hashed its file: otherwise it does so as it is asked, on the same processors."""
    return LibtorrentSeed(
        scene.network, scene.tracker, [torrent], directory, settings=settings, checks=True
    )


def _note_kernel(scene: Scene, torrent: Torrent, directory: Path) -> None:
    """The same through the Linux kernel, whose guest machine costs more than the server."""
    seed = _seed(scene, torrent, directory, {})
    server = SluiceServer(scene.network, directory / "sluice", [Route("films", [torrent])])
    server.start()
    # Not below /dev, where the guest has files of its own.
    with tempfile.TemporaryDirectory(prefix="sluice-guest.") as place:
        guest = KernelClient(scene.network, Path(place))
        guest.run(f"mount -o vers=3 {server.address}:{server.export} /mnt")
        film = f"/mnt/{server.path('films', torrent)}"
        seconds = [
            guest.run(f"dd if={film} of=/dev/null bs=64k count=1 skip={skipped}").seconds
            for skipped in (0, torrent.size // _FIRST // 2, torrent.size // _FIRST * 9 // 10)
        ]
        count = _SEQUENTIAL // MIB
        whole = guest.run(f"dd if={film} of=/dev/null bs=1M skip=1 count={count}").seconds
        guest.run("umount /mnt")
        guest.shut_down()
    server.terminate()
    seed.stop()
    shutil.rmtree(server.directory)
    shown = ", ".join(f"{each:.3f}" for each in seconds)
    note(
        f"btfs: Sluice mounted by the kernel: first 64 KiB, and at 50 % and 90 %, {shown} s;"
        f" in order {_SEQUENTIAL / whole / 1e6:.0f} MB/s"
    )


def _read(file, torrent: Torrent, offset: int, count: int) -> float:
    began = time.monotonic()
    data = file.read(offset, count)
    seconds = time.monotonic() - began
    if data != torrent.read(offset, count):
        raise TestbedError(f"{type(file).__name__}: bytes at {offset} came wrong")
    return seconds


def _print(ours: list[Session], theirs: list[Session]) -> None:
    def median(sessions: list[Session], figure) -> float:
        return statistics.median(figure(each) for each in sessions)

    for name, figure, part in (
        ("first-64KiB-s", lambda each: each.first, 0.1),
        ("seek-50%-s", lambda each: each.seek_50, 0.5),
        ("seek-90%-s", lambda each: each.seek_90, 0.5),
        ("sequential-cpu-s", lambda each: each.cpu, 0.1),
    ):
        at_most(f"btfs.{name}", median(ours, figure), median(theirs, figure) * part)
    rates = [median(each, lambda session: session.rate / 1e6) for each in (ours, theirs)]
    at_least("btfs.sequential-MB/s", rates[0], rates[1] * 20)
