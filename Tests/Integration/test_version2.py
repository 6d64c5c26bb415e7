"""Torrents of version 2 (BEP 52), alone and hybrid: read, served, and verified block by block."""

from __future__ import annotations

import hashlib
import time

from testbed import torrents
from testbed.libnfs_client import LibnfsClient
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent
from testbed.tracker import ANNOUNCE_URL

SIZES = {
    "a film.mkv": 3 * MIB + 12_345,
    "empty": 0,
    "Extras/one block.txt": 1000,
    "Extras/one piece.bin": 64 << 10,
    "Extras/two pieces.bin": (64 << 10) + 1,
    "Extras/日本語.nfo": 40_000,
    "last.bin": 500_001,
}


class Version2(SceneTestCase):
    def test_a_torrent_of_version_2_is_read_whole(self) -> None:
        self.read_whole("v2", checks=True)

    def test_a_seed_without_the_hashes_of_blocks_is_read_from(self) -> None:
        self.read_whole("v2", checks=False)

    def test_a_hybrid_torrent_is_read_whole(self) -> None:
        self.read_whole("hybrid", checks=True)

    def test_magnet_links_by_the_hash_of_version_2(self) -> None:
        pure = self.make_film("pure.mkv", 12 * MIB + 1, 16 << 10, "v2")
        hybrid = self.make_film("hybrid.mkv", 4 * MIB + 1, 16 << 10, "hybrid")
        other = self.make_film("other.mkv", 4 * MIB + 2, 32 << 10, "hybrid")
        self.seed_by_libtorrent(pure, hybrid, other, checks=True)
        server = self.serve(
            Route("pure", magnets=[pure.version2_magnet(ANNOUNCE_URL)]),
            Route("hybrid", magnets=[hybrid.version2_magnet(ANNOUNCE_URL)]),
            Route("both", magnets=[other.version2_magnet(ANNOUNCE_URL, both=True)]),
        )
        films = {"pure": pure, "hybrid": hybrid, "both": other}
        self.read_films(server, films)
        # What peers sent of the piece layers is kept, and the names still lead to the torrents.
        server.kill()
        server.start()
        self.read_films(server, films)

    def test_gives_a_torrent_of_version_2_to_others(self) -> None:
        film = self.make_film("film.mkv", 20 * MIB + 1, 32 << 10, "v2")
        seed = self.seed_by_libtorrent(film, checks=True)
        server = self.serve(Route("films", [film]))
        self.read_films(server, {"films": film})
        seed.stop()
        # Without the piece layers, which are asked of Sluice.
        magnet = film.version2_magnet()
        self.leech_by_libtorrent(film, server, magnet=magnet).wait()

    def test_a_read_does_not_wait_for_its_piece(self) -> None:
        # libtorrent gives what it would have in three seconds at once.
        rate, length = 64 << 10, 384 << 10
        film = self.make_film("film.mkv", 8 * MIB, 4 * MIB, "v2")
        self.seed_by_libtorrent(film, torrent_upload_limit=rate, checks=True)
        server = self.serve(Route("films", [film]))
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            start = time.monotonic()
            data = connection.read_range(handle, 2 * MIB, length, timeout=60)
            took = time.monotonic() - start
        self.assertEqual(data, film.read(2 * MIB, length))
        whole = 4 * MIB / rate
        self.assertGreater(took, 1, "the seed is not slow")
        self.assertLess(took, whole / 3, "the read waited for its piece")
        self.scene.figures.append(
            f"version 2, 4 MiB pieces at 64 KiB/s: 384 KiB after {took:.1f} s, a piece takes "
            f"{whole:.0f} s"
        )

    def read_whole(self, version: str, checks: bool) -> None:
        torrent = torrents.make_directory(
            self.directory, "library", SIZES, 64 << 10, [[ANNOUNCE_URL]], version
        )
        self.seed_by_libtorrent(torrent, checks=checks)
        server = self.serve(Route("films", [torrent]))
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(client.files(f"films/{torrent.name}"), SIZES)
        for _ in range(2):
            for file in torrent.files:
                path = f"films/{torrent.name}/{file.path}"
                self.assertEqual(client.sha256(path), file.sha256, path)
            server.kill()
            server.start()

    def read_films(self, server: SluiceServer, films: dict[str, Torrent]) -> None:
        client = LibnfsClient(server.address, server.export)
        for route, film in films.items():
            wait_until(lambda: film.name in client.list(route), 30, f"metadata of {film.name}")
            with server.connect() as connection:
                handle = connection.walk(server.root_handle(), f"{route}/{film.name}")
                data = connection.read_range(handle, 0, film.size, timeout=60)
            self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256, film.name)
