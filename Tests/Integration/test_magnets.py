"""Magnet links: the metadata comes from peers, and then the torrent is one like any other."""

from __future__ import annotations

import hashlib
import time
from urllib.parse import quote

from testbed import torrents
from testbed.libnfs_client import LibnfsClient
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent
from testbed.tracker import ANNOUNCE_URL, nonsense_url
from testbed.web_server import Nginx


class Magnets(SceneTestCase):
    def test_a_magnet_link_is_read_like_any_torrent(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB, piece_length=16 << 10)
        self.seed_by_libtorrent(film)
        # The first tracker is of no use.
        magnet = film.magnet(nonsense_url("page"), ANNOUNCE_URL)
        server = self.serve(Route("films", magnets=[magnet]))
        client = self.await_film(server, film)
        self.assertEqual(client.list("films"), {film.name: film.size})
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)
        log = server.process.log()
        self.assertEqual(log.count("the metadata has come"), 1, log)

    def test_seeded_by_transmission(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB, piece_length=16 << 10)
        self.seed_by_transmission(film)
        server = self.serve(Route("films", magnets=[film.magnet(ANNOUNCE_URL)]))
        self.await_film(server, film)
        # Transmission turns away who comes again at once, and unchokes every ten seconds only: a
        # READ may be told to try later, which nfs-cat does not.
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            data = connection.read_range(handle, 0, film.size, timeout=60)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)

    def test_a_dead_magnet_delays_nothing_and_lives_up_after_a_restart(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB)
        other = self.make_film("other.mkv", MIB)
        self.seed_by_libtorrent(other)
        server = self.serve(
            Route("films", magnets=[film.magnet(ANNOUNCE_URL)]), Route("others", [other])
        )
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(client.list("films"), {})
        self.assertEqual(client.sha256(f"others/{other.name}"), other.files[0].sha256)
        server.kill()
        self.seed_by_libtorrent(film)
        server.start()
        client = self.await_film(server, film)
        server.kill()
        server.start()
        # Metadata that has come once is there at once.
        self.assertEqual(client.list("films"), {film.name: film.size})
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)

    def test_gives_metadata_and_pieces_to_others(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB, piece_length=16 << 10)
        seed = self.seed_by_libtorrent(film)
        server = self.serve(Route("films", magnets=[film.magnet(ANNOUNCE_URL)]))
        client = self.await_film(server, film)
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)
        seed.stop()
        self.leech_by_libtorrent(film, server, magnet=film.magnet()).wait()

    def await_film(self, server: SluiceServer, film: Torrent) -> LibnfsClient:
        client = LibnfsClient(server.address, server.export)
        wait_until(lambda: film.name in client.list("films"), 30, "metadata of the film")
        return client


class Sources(SceneTestCase):
    def test_the_file_that_a_link_names_is_fetched_if_it_is_the_right_one(self) -> None:
        film = self.make_film("film.mkv", MIB)
        other = self.make_film("other.mkv", MIB)
        address = self.network.take_swarm_address()
        web = Nginx(address, other.metainfo.parent, self.directory)
        self.addCleanup(web.stop)
        (other.metainfo.parent / "right.torrent").write_bytes(film.metainfo.read_bytes())
        magnet = film.magnet()
        for name in ("missing.torrent", other.metainfo.name, "right.torrent"):
            magnet += "&xs=" + quote(f"{web.url}{name}", safe="")
        server = self.serve(Route("films", magnets=[magnet]))
        client = LibnfsClient(server.address, server.export)
        # Nobody seeds it.
        wait_until(lambda: client.list("films") == {film.name: film.size}, 20, "film of the link")
        self.assertIn("that of another torrent", server.process.log())


class Selection(SceneTestCase):
    def test_of_a_pinned_link_the_selected_files_are_fetched_and_all_are_shown(self) -> None:
        files = {"a.mkv": MIB, "b.mkv": 2 * MIB, "c.mkv": MIB}
        films = torrents.make_directory(
            self.directory / "films", "Films", files, 64 << 10, [[ANNOUNCE_URL]]
        )
        self.seed_by_libtorrent(films)
        entry = {"magnet": films.magnet(ANNOUNCE_URL) + "&so=1", "pin": True}
        server = self.serve(Route("films", served=[entry]))
        client = LibnfsClient(server.address, server.export)
        wait_until(lambda: "Films" in client.list("films"), 20, "films of the link")
        self.assertEqual(client.list("films/Films"), files)
        cache = self.directory / "server" / "state" / "cache"

        def cached() -> int:
            return sum(path.stat().st_blocks * 512 for path in cache.rglob("*") if path.is_file())

        wait_until(lambda: cached() >= 2 * MIB, 20, "selected file in the cache")
        time.sleep(1)
        self.assertLess(cached(), 2 * MIB + (256 << 10))
        self.assertEqual(client.sha256("films/Films/c.mkv"), films.files[2].sha256)
