"""Web servers as sources of torrents (BEP 17, BEP 19): alone, beside peers, and lying."""

from __future__ import annotations

import time

from testbed import torrents
from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import SEED_PORT
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import speaks_at
from testbed.sluice_server import Route
from testbed.torrents import Torrent, WebSeeds
from testbed.tracker import ANNOUNCE_URL
from testbed.web_server import (
    LyingWebServer,
    Nginx,
    PieceProgram,
    SilentWebServer,
    WholeFileWebServer,
)


class WebSeedsTests(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.address = self.network.take_swarm_address()
        self.url = f"http://{self.address}/"

    def test_nginx_alone_gives_a_film(self) -> None:
        film = self.make_film("film one.mkv", 48 * MIB + 4321, web_seeds=WebSeeds((self.url,)))
        nginx = self.start_nginx(film)
        server = self.read_whole(film)
        requests = nginx.requests()
        self.assertEqual({each.status for each in requests}, {206})
        self.assertEqual({each.path for each in requests}, {"/film%20one.mkv"})
        # Blocks are joined, connections kept, and hardly a byte comes twice.
        self.assertGreater(film.size / len(requests), 128 << 10)
        self.assertLessEqual(len({each.connection for each in requests}), 6)
        self.assertLess(sum(each.byte_count for each in requests), film.size * 1.05)
        # Nothing is asked again once it is there.
        self.read(server, film)
        self.assertEqual(len(nginx.requests()), len(requests))

    def test_nginx_alone_gives_a_directory(self) -> None:
        sizes = {
            "read me first.txt": 1234,
            "empty": 0,
            "Extras/Ünïcödé – 日本語 名前.txt": 40_001,
            "Extras/emoji 🎬 & ampersand's.nfo": 777,
            "100% #1 + more!.txt": 5000,
            "Season 01/episode.bin": 3 * MIB + 17,
            "Season 01/episode.srt": 65_537,
            "Season 02/episode.bin": 2 * MIB,
        }
        series = torrents.make_directory(
            self.directory / "series",
            "Séries – the 1st",
            sizes,
            64 << 10,
            [],
            web_seeds=WebSeeds((f"{self.url}moved/",)),
        )
        nginx = self.start_nginx(series)
        server = self.serve(Route("films", [series]))
        client = LibnfsClient(server.address, server.export)
        for file in series.files:
            digest = client.sha256(server.path("films", series, file.path), timeout=30)
            self.assertEqual(digest, file.sha256, file.path)
        self.assertEqual({each.status for each in nginx.requests()}, {206, 302})

    def test_what_nginx_does_not_have_comes_from_a_seed(self) -> None:
        series = torrents.make_directory(
            self.directory / "series",
            "series",
            {"here.bin": 4 * MIB, "missing.bin": 4 * MIB, "here too.bin": 4 * MIB},
            64 << 10,
            [[ANNOUNCE_URL]],
            web_seeds=WebSeeds((self.url,)),
        )
        nginx = self.start_nginx(series, "location /series/missing.bin { return 404; }")
        self.seed_by_libtorrent(series, upload_limit=2 * MIB)
        server = self.serve(Route("films", [series]))
        client = LibnfsClient(server.address, server.export)
        for file in series.files:
            digest = client.sha256(server.path("films", series, file.path), timeout=30)
            self.assertEqual(digest, file.sha256, file.path)
        missing = [each for each in nginx.requests() if each.status == 404]
        self.assertLessEqual(len(missing), 3)
        self.assertIn({each.status for each in nginx.requests()}, ({206}, {206, 404}))

    def test_nginx_and_a_seed_give_a_film_together(self) -> None:
        # Long enough for the seed to get its turn.
        film = self.make_film("film.mkv", 192 * MIB, web_seeds=WebSeeds((self.url,)))
        nginx = self.start_nginx(film, "limit_rate 8m;")
        seed = self.seed_by_libtorrent(film, upload_limit=32 * MIB)
        wait_until(lambda: speaks_at(seed.address, SEED_PORT, film), 10, "greeting of the seed")
        self.read_whole(film)
        given = sum(each.byte_count for each in nginx.requests())
        self.assertGreater(given, film.size * 0.1)
        self.assertLess(given, film.size * 0.95)

    def test_a_link_names_a_web_seed(self) -> None:
        film = self.make_film("film.mkv", 16 * MIB)
        nginx = self.start_nginx(film)
        seed = self.seed_by_libtorrent(film, upload_limit=100 << 10)
        magnet = film.magnet(ANNOUNCE_URL) + f"&ws={self.url}"
        server = self.serve(Route("films", magnets=[magnet]))
        client = LibnfsClient(server.address, server.export)
        wait_until(lambda: client.list("films"), 20, "metadata", interval=0.2)
        seed.stop()
        # The link is the same after a restart, but its metadata has come: what was kept must do.
        server.kill()
        server.start()
        self.read(server, film)
        self.assertGreater(len(nginx.requests()), 0)

    def test_a_server_that_lies_is_dropped(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB, web_seeds=WebSeeds((self.url,)))
        liar = self.start(LyingWebServer(self.address, film))
        self.seed_by_libtorrent(film, upload_limit=6 * MIB)
        server = self.read_whole(film)
        self.assertGreater(liar.sent_byte_count, 0)
        self.assertEqual(server.log().count("dropped a web seed that sent wrong data"), 1)
        self.assertIn(f"http://{self.address}", server.log())
        count = liar.request_count
        self.read(server, film)
        self.assertEqual(liar.request_count, count)

    def test_a_silent_server_holds_nothing_up(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB, web_seeds=WebSeeds((self.url,)))
        silent = self.start(SilentWebServer(self.address, film))
        self.seed_by_libtorrent(film)
        began = time.monotonic()
        self.read_whole(film)
        self.assertLess(time.monotonic() - began, 15)
        self.assertGreater(silent.request_count, 0)

    def test_a_server_without_ranges_is_not_read_to_its_end(self) -> None:
        film = self.make_film("film.mkv", 48 * MIB, web_seeds=WebSeeds((self.url,)))
        whole = self.start(WholeFileWebServer(self.address, film))
        self.seed_by_libtorrent(film, upload_limit=12 * MIB)
        server = self.read_whole(film)
        self.assertIn("it gives whole files only", server.log())
        self.assertLess(whole.sent_byte_count, film.size)

    def test_a_program_gives_pieces_after_a_pause(self) -> None:
        film = self.make_film(
            "film.mkv", 8 * MIB + 99, web_seeds=WebSeeds(programs=(f"{self.url}seed?x=1",))
        )
        program = self.start(PieceProgram(self.address, film))
        self.read_whole(film)
        self.assertTrue(all("&ranges=" in path for path in program.paths))

    def start_nginx(self, torrent: Torrent, locations: str = "") -> Nginx:
        return self.start(Nginx(self.address, torrent.data, self.directory, locations))

    def start(self, server):
        self.addCleanup(server.stop)
        return server

    def read_whole(self, film: Torrent):
        server = self.serve(Route("films", [film]))
        self.read(server, film)
        self.assert_stays_up(server)
        return server

    def read(self, server, film: Torrent) -> None:
        client = LibnfsClient(server.address, server.export)
        digest = client.sha256(server.path("films", film), timeout=60)
        self.assertEqual(digest, film.files[0].sha256)
