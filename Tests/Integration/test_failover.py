"""Two servers with one key and one configuration stand in for each other, clients none the wiser."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from testbed.content import sha256_of
from testbed.host_server import HostServer, MovingAddress
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route
from testbed.torrents import Torrent, make_directory
from testbed.tracker import ANNOUNCE_URL

EPISODES = 60


class FailOver(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        sizes = {f"season {n % 4}/episode {n:02}.mkv": n * 30_011 + 1 for n in range(EPISODES)}
        series = make_directory(
            self.directory / "series", "series", sizes, 64 << 10, [[ANNOUNCE_URL]]
        )
        self.films = [self.make_film(f"film {n}.mkv", 12 * MIB + n) for n in range(3)]
        self.torrents = [series, *self.films]
        host = self.scene.local_network.host()
        self.addCleanup(host.close)
        seed = LibtorrentSeed(
            self.network,
            self.tracker,
            self.torrents,
            self.directory,
            upload_limit=16 * MIB,
            address=host.address,
            prefix=host.command([]),
        )
        self.addCleanup(seed.stop)
        self.address = MovingAddress(self.network)
        self.settings = {"nfs": {"handle_key": secrets.token_hex(16)}}

    def serve_on_host(self, name: str, routes: list[Route]) -> HostServer:
        host = self.scene.local_network.host()
        server = HostServer(self.network, host, self.directory / name, routes, self.settings)
        server.start()
        self.addCleanup(host.close)
        self.addCleanup(self.end, server)
        return server

    def serve_twice(self) -> tuple[HostServer, HostServer]:
        """The second has met its torrents in another order, and others before them."""
        routes = [Route("films", list(self.torrents)), Route("empty")]
        first = self.serve_on_host("first", routes)
        other = self.make_film("other.mkv", MIB)
        second = self.serve_on_host("second", [Route("old", [other]), Route("films", [other])])
        second.set_routes([Route("empty"), Route("films", self.torrents[::-1])])
        return first, second

    def test_handles_fileids_and_cookies_are_those_of_the_other(self) -> None:
        first, second = self.serve_twice()
        self.assertEqual(first.root_handle(), second.root_handle())
        listings = []
        for server in (first, second):
            with server.connect() as connection:
                root = server.root_handle()
                listings.append(
                    [connection.list(root)]
                    + [
                        connection.list(connection.walk(root, path))
                        for path in ["films", "films/series", "films/series/season 2"]
                    ]
                )
        self.assertEqual(listings[0], listings[1])
        self.assertEqual(len(listings[0][1]), len(self.torrents))

    def test_a_kernel_copy_outlives_the_move_of_the_address(self) -> None:
        first, second = self.serve_twice()
        self.address.move(first.host)
        guest = self.scene.kernel_client
        guest.kernel_log()
        # What was sent to who is gone is sent again after two seconds, not after a minute.
        where = self.mount_at(self.address.address, "vers=3,timeo=20")
        copy = guest.shared / "moved"
        job = guest.start(f"cp -r {where}/films {copy}")
        self.await_copied(copy, 8 * MIB)
        self.address.move(second.host)
        self.await_copied(copy, 40 * MIB)
        self.assertFalse(job.ended(), "the copy was over before the address was moved again")
        second.kill()
        self.address.move(first.host)
        result = job.wait(180)
        self.assertEqual((result.status, result.output), (0, ""))
        for torrent in self.torrents:
            self.check(copy, torrent)
        self.assertNotRegex(guest.kernel_log(), "(?i)stale|fileid changed")
        shutil.rmtree(copy)
        second.start()

    def mount_at(self, address: str, options: str) -> str:
        guest = self.scene.kernel_client
        where = f"/mnt/{self.id().rpartition('.')[2]}"
        guest.run(f"mkdir -p {where}; mount -o {options} {address}:/torrents {where}")
        self.addCleanup(lambda: guest.run(f"umount -f -l {where}", check=False))
        return where

    def await_copied(self, copy: Path, count: int) -> None:
        size = lambda: sum(each.stat().st_size for each in copy.rglob("*") if each.is_file())
        wait_until(lambda: size() > count, 90, f"{count} bytes of the copy", interval=0.1)

    def check(self, copy: Path, torrent: Torrent) -> None:
        top = copy if torrent.single_file else copy / torrent.name
        for file in torrent.files:
            self.assertEqual(sha256_of(top / file.path), file.sha256, file.path)
