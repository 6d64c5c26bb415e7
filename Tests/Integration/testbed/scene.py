"""What the tests of one run share: network, tracker, one kernel guest, the large torrents."""

from __future__ import annotations

import subprocess
import unittest
from functools import cached_property
from pathlib import Path

from . import torrents
from .host import LocalNetwork
from .kernel_client import KernelClient
from .libtorrent_leech import LibtorrentLeech
from .libtorrent_seed import LibtorrentSeed
from .network import Network
from .nfs_server import NFSServer, Rpcbind
from .processes import Process
from .sluice_server import Route, SluiceServer
from .torrents import Torrent
from .tracker import ANNOUNCE_URL, Tracker
from .transmission_seed import TransmissionSeed

MIB = 1 << 20
GIB = 1 << 30


class Scene:
    """Made once; what is dear to make is made when first asked for."""

    current: "Scene"

    def __init__(self, directory: Path):
        self.directory = directory
        self.figures: list[str] = []
        # /run holds sockets that programs of different network namespaces would share.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        self.network = Network(directory / "logs")
        self.tracker = Tracker()
        self.start_rpcbind()

    def start_rpcbind(self) -> None:
        self.rpcbind = Rpcbind(self.network, self.directory / "logs")

    @classmethod
    def begin(cls, directory: Path) -> None:
        cls.current = cls(directory)

    @classmethod
    def end(cls) -> list[str]:
        """Stops everything; returns the figures worth noting."""
        guest = cls.current.__dict__.get("kernel_client")
        if guest is not None:
            guest.shut_down()
        Process.stop_all()
        return cls.current.figures

    def directory_of(self, test: unittest.TestCase) -> Path:
        return self.directory / test.id().rpartition(".")[2]

    def set_aside(self, test: unittest.TestCase) -> None:
        """Keeps what a failed run of the test left, and makes room for another run."""
        left = self.directory_of(test)
        if left.exists():
            left.rename(left.with_name(f"{left.name}.first"))

    @cached_property
    def local_network(self) -> LocalNetwork:
        return LocalNetwork(self.directory / "hosts")

    @cached_property
    def kernel_client(self) -> KernelClient:
        return KernelClient(self.network, self.directory / "guest")

    @cached_property
    def film(self) -> Torrent:
        """1 GiB and a little, one file."""
        return torrents.make_single_file(
            self.directory / "film", "film.mkv", GIB + 12_345, MIB, [[ANNOUNCE_URL]]
        )

    @cached_property
    def series(self) -> Torrent:
        """200 files of all sizes."""
        return torrents.make_directory(
            self.directory / "series",
            "Séries – the complete 1st",
            torrents.library_of_200_files(),
            64 << 10,
            [[ANNOUNCE_URL]],
        )


class SceneTestCase(unittest.TestCase):
    """A test with a directory of its own; what it starts ends with it, the latest first."""

    maxDiff = None

    def setUp(self) -> None:
        self.scene = Scene.current
        self.network = self.scene.network
        self.tracker = self.scene.tracker
        self.directory = self.scene.directory_of(self)
        self.directory.mkdir()

    def make_film(
        self,
        name: str,
        size: int,
        piece_length: int = 256 << 10,
        version: str = "v1",
        web_seeds: torrents.WebSeeds = torrents.WebSeeds(),
    ) -> Torrent:
        return torrents.make_single_file(
            self.directory / name,
            name,
            size,
            piece_length,
            [[ANNOUNCE_URL]],
            version,
            web_seeds,
        )

    def seed_by_libtorrent(
        self,
        *seeded: Torrent,
        upload_limit: int = 0,
        settings: dict | None = None,
        checks: bool = False,
        torrent_upload_limit: int = 0,
    ) -> LibtorrentSeed:
        seed = LibtorrentSeed(
            self.network,
            self.tracker,
            list(seeded),
            self.directory,
            upload_limit,
            settings,
            checks=checks,
            torrent_upload_limit=torrent_upload_limit,
        )
        self.addCleanup(seed.stop)
        return seed

    def seed_by_transmission(
        self, *seeded: Torrent, settings: dict | None = None
    ) -> TransmissionSeed:
        seed = TransmissionSeed(
            self.network, self.tracker, list(seeded), self.directory, settings
        )
        self.addCleanup(seed.stop)
        return seed

    def leech_by_libtorrent(
        self,
        torrent: Torrent,
        server: SluiceServer | None = None,
        magnet: str | None = None,
        settings: dict | None = None,
    ) -> LibtorrentLeech:
        """A download from the server, or from whom the tracker names."""
        leech = LibtorrentLeech(
            self.network,
            self.tracker,
            torrent,
            self.directory,
            [(server.address, server.peer_port)] if server else [],
            magnet,
            settings,
        )
        self.addCleanup(leech.stop)
        return leech

    def seed_by_script(self, kind: type, torrent: Torrent):
        seed = kind(self.network, self.tracker, torrent)
        self.addCleanup(seed.stop)
        return seed

    def serve(
        self,
        *routes: Route,
        settings: dict | None = None,
        environment: dict[str, str] | None = None,
    ) -> SluiceServer:
        server = SluiceServer(
            self.network, self.directory / "server", list(routes), settings, environment
        )
        server.start()
        self.addCleanup(self.end, server)
        return server

    def end(self, server: SluiceServer) -> None:
        """Whatever a test did to it, a server ends in time and without a fault."""
        if server.process.exit_code is None:
            self.assertLess(server.terminate(timeout=5), 2, "SIGTERM took its time")
        self.assertEqual(server.process.exit_code, 0)

    def mount(self, server: NFSServer, options: str = "vers=3", path: str = "") -> str:
        """Mounts in the guest until the test ends. Returns where."""
        guest = self.scene.kernel_client
        where = f"/mnt/{self.id().rpartition('.')[2]}"
        option = f"-o {options}" if options else ""
        source = f"{server.address}:{server.export}{path}"
        guest.run(f"mkdir -p {where}; mount {option} {source} {where}")
        # Lazy and forced: a server that is gone must not hold the guest.
        self.addCleanup(lambda: guest.run(f"umount -f -l {where}", check=False))
        return where

    def assert_stays_up(self, server: NFSServer) -> None:
        self.assertIsNone(server.process.exit_code, "the server has ended")
        with server.connect() as connection:
            connection.null()
