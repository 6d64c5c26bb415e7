"""Folders that are served: others fetch them, changes make other torrents, nothing is written."""

from __future__ import annotations

import re
from pathlib import Path

from testbed.content import sha256_of, write_file
from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import SEED_PORT, start_session
from testbed.nfs_wire import STALE, NFSError
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.tracker import ANNOUNCE_URL

SIZES = {
    "film.mkv": 5 * MIB + 1,
    "Extras/Ünïcödé – 日本語.txt": 40_001,
    "Extras/deep/er/one byte": 1,
    "Extras/empty": 0,
    "whole.bin": MIB,
    "zero.nfo": 0,
}


class ServedFolders(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.directory / "My films"
        self.digests = {
            path: write_file(self.folder / path, size, seed=path) for path, size in SIZES.items()
        }
        (self.folder / ".hidden").write_text("not for others")
        (self.folder / "link").symlink_to("film.mkv")

    def test_others_fetch_a_folder_from_where_it_lies(self) -> None:
        before = self.state_of_the_folder()
        server, magnet = self.serve_folder()
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(client.files("mine/My films"), SIZES)
        for path, digest in self.digests.items():
            self.assertEqual(client.sha256(f"mine/My films/{path}"), digest, path)
        self.fetch_by_libtorrent(server, magnet)
        self.assertEqual(self.state_of_the_folder(), before)
        # Nothing was copied.
        cached = [each.stat().st_blocks for each in (server.state / "cache").iterdir()]
        self.assertEqual(sum(cached), 0)

    def test_a_folder_is_fetched_as_version_1_or_2_alone(self) -> None:
        magnet = None
        for version, topic in ("v1", "btih"), ("v2", "btmh"):
            with self.subTest(version=version):
                server, magnet = self.serve_folder(not_magnet=magnet, version=version)
                self.assertEqual(re.findall(r"urn:(\w+)", magnet), [topic])
                self.fetch_by_libtorrent(server, magnet)
                if version == "v1":
                    # Transmission 3 reads no metadata of hybrid torrents.
                    self.fetch_by_transmission(server, magnet)
                client = LibnfsClient(server.address, server.export)
                self.assertEqual(
                    client.sha256("mine/My films/film.mkv"), self.digests["film.mkv"]
                )
                server.terminate()

    def test_a_changed_file_makes_another_torrent(self) -> None:
        server, magnet = self.serve_folder()
        client = LibnfsClient(server.address, server.export)
        with server.connect() as connection:
            root = server.root_handle()
            handle = connection.walk(root, "mine/My films/film.mkv")
            path = self.folder / "film.mkv"
            self.digests["film.mkv"] = write_file(path, SIZES["film.mkv"], seed="another cut")
            changed = wait_until(lambda: self.other_magnet(server, magnet), 30, "another magnet")
            other = {"My films"}
            wait_until(lambda: set(client.list("mine")) == other, 10, "the new version")

            def is_gone() -> bool:
                try:
                    connection.attributes(handle)
                    return False
                except NFSError as error:
                    return error.status == STALE

            wait_until(is_gone, 10, "end of the old version")
        self.assertEqual(client.sha256("mine/My films/film.mkv"), self.digests["film.mkv"])
        wait_until(
            lambda: not self.tracker.knows(info_hash(magnet), server.address),
            10,
            "farewell of the old version",
        )
        self.fetch_by_libtorrent(server, changed)
        # One file was hashed again, not all of them.
        self.assertEqual(re.findall(r"hashing a folder.*files=(\d+)", server.log()), ["6", "1"])

    def test_a_restart_hashes_nothing_again(self) -> None:
        server, magnet = self.serve_folder()
        hashed = server.log().count("hashing a folder")
        server.kill()
        server.start()
        client = LibnfsClient(server.address, server.export)
        # There at once, and it stays so when it has been looked at.
        self.assertEqual(client.files("mine/My films"), SIZES)
        self.assertEqual(client.sha256("mine/My films/film.mkv"), self.digests["film.mkv"])
        self.fetch_by_libtorrent(server, magnet)
        self.assertEqual(server.served_magnets(), {str(self.folder): magnet})
        self.assertEqual(server.log().count("hashing a folder"), hashed)

    # MARK: Parts

    def serve_folder(
        self, not_magnet: str | None = None, **options
    ) -> tuple[SluiceServer, str]:
        """Waits for another link than that of an earlier version."""
        entry = {"serve_folder": str(self.folder), "trackers": [ANNOUNCE_URL]} | options
        server = self.serve(Route("mine", served=[entry]))
        magnet = wait_until(lambda: self.other_magnet(server, not_magnet), 30, "magnet of the folder")
        client = LibnfsClient(server.address, server.export)
        wait_until(lambda: client.list("mine"), 10, "the folder")
        return server, magnet

    def other_magnet(self, server: SluiceServer, old: str | None) -> str | None:
        magnet = server.served_magnets().get(str(self.folder))
        return magnet if magnet != old else None

    def fetch_by_libtorrent(self, server: SluiceServer, magnet: str) -> None:
        address = self.network.take_swarm_address()
        data = self.directory / f"by-libtorrent-{address}"
        session = start_session(
            "/usr/bin/python3",
            {
                "torrents": [],
                "magnets": [[f"{magnet}&x.pe={server.address}:{server.peer_port}", str(data)]],
                "address": address,
                "port": SEED_PORT,
                "upload_limit": 0,
                "seed": False,
            },
            self.directory / f"leech-{address}.log",
        )
        self.addCleanup(session.kill)
        wait_until(lambda: "complete" in session.log(), 60, "download by libtorrent")
        self.compare(data / "My films")

    def fetch_by_transmission(self, server: SluiceServer, magnet: str) -> None:
        wait_until(
            lambda: self.tracker.knows(info_hash(magnet), server.address), 10, "announce"
        )
        leech = self.seed_by_transmission()
        data = self.directory / "by-transmission"
        data.mkdir()
        leech.call("torrent-add", {"filename": magnet, "download-dir": str(data)})

        def is_complete() -> bool:
            fields = ["leftUntilDone", "metadataPercentComplete", "errorString"]
            torrents = leech.call("torrent-get", {"fields": fields})["torrents"]
            self.assertEqual(torrents[0]["errorString"], "")
            return torrents[0]["metadataPercentComplete"] == 1 and not torrents[0]["leftUntilDone"]

        wait_until(is_complete, 60, "download by transmission", interval=0.2)
        self.compare(data / "My films")

    def compare(self, copy: Path) -> None:
        for path, digest in self.digests.items():
            if SIZES[path] > 0:
                self.assertEqual(sha256_of(copy / path), digest, path)

    def state_of_the_folder(self) -> dict[str, tuple]:
        """Whatever a program that writes there would change."""
        state = {}
        for path in sorted(self.folder.rglob("*")):
            status = path.lstat()
            digest = sha256_of(path) if path.is_file() else ""
            facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            state[str(path)] = (*facts, digest)
        return state


def info_hash(magnet: str) -> bytes:
    return bytes.fromhex(re.search(r"urn:btih:([0-9a-f]{40})", magnet).group(1))
