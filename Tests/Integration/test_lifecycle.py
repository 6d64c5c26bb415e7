"""A torrent that nobody uses leaves its swarm, and comes back without anybody noticing."""

from __future__ import annotations

from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent

IDLE = {"bittorrent": {"idle_seconds": 2}}


class Lifecycle(SceneTestCase):
    def test_a_torrent_goes_cold_and_a_read_warms_it_again(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB)
        self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]), settings=IDLE)
        self.assertFalse(self.tracker.knows(film.info_hash, server.address))
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), "films/film.mkv")
            self.assertEqual(connection.read_range(handle, 0, 100), film.read(0, 100))
            self.assertTrue(self.tracker.knows(film.info_hash, server.address))
            attributes = connection.attributes(handle)
            # Demand outlives a read by a minute, unless all that was wanted is here.
            wait_until(
                lambda: not self.tracker.knows(film.info_hash, server.address),
                100,
                "the goodbye to the tracker",
            )
            self.assertEqual(connection.attributes(handle), attributes)
            self.assertEqual(connection.walk(server.root_handle(), "films/film.mkv"), handle)
            # What is cached, and what is not.
            self.assertEqual(connection.read_range(handle, 50, 50), film.read(50, 50))
            far = 7 * MIB
            self.assertEqual(connection.read_range(handle, far, 100), film.read(far, 100))

    def test_nothing_is_lost_by_a_kill_while_torrents_warm_and_cool(self) -> None:
        film = self.make_film("film.mkv", 4 * MIB)
        seed = self.seed_by_libtorrent(film)
        server = self.serve(
            Route("films", [film]), settings={"bittorrent": {"idle_seconds": 1}}
        )
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, "films/film.mkv")
            self.assertEqual(connection.read_range(handle, 0, film.size), film.read(0, film.size))
        self.await_goodbye(film, server)
        seed.stop()
        for _ in range(3):
            server.kill()
            server.start()
            with server.connect() as connection:
                data = connection.read_range(handle, 0, film.size, timeout=10)
            self.assertEqual(data, film.read(0, film.size))

    def test_a_leecher_wakes_what_is_cached(self) -> None:
        film = self.make_film("film.mkv", 2 * MIB)
        seed = self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]), settings=IDLE)
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), "films/film.mkv")
            self.assertEqual(connection.read_range(handle, 0, film.size), film.read(0, film.size))
        self.await_goodbye(film, server)
        # Who reads what is cached offers it.
        with server.connect() as connection:
            self.assertEqual(connection.read_range(handle, 0, 100), film.read(0, 100))
        wait_until(lambda: self.tracker.knows(film.info_hash, server.address), 10, "announce")
        self.await_goodbye(film, server)
        seed.stop()
        self.leech_by_libtorrent(film, server).wait()

    def test_a_pinned_torrent_is_fetched_whole_and_a_seed_stays_announced(self) -> None:
        pinned, kept = self.make_film("pinned.mkv", 8 * MIB), self.make_film("kept.mkv", MIB)
        self.seed_by_libtorrent(pinned, kept)
        routes = [
            {"name": "a", "pin": True, "torrents": [{"torrent_path": str(pinned.metainfo)}]},
            {"name": "b", "torrents": [{"torrent_path": str(kept.metainfo), "seed": True}]},
        ]
        server = self.serve(settings=IDLE | {"routes": routes})
        cached = server.state / "cache" / f"{pinned.info_hash.hex()}.pieces"
        wait_until(
            lambda: cached.exists() and cached.stat().st_blocks * 512 >= pinned.size,
            60,
            "the pinned torrent",
        )
        wait_until(lambda: self.tracker.knows(kept.info_hash, server.address), 10, "announce")
        self.await_goodbye(pinned, server)
        self.assertTrue(self.tracker.knows(kept.info_hash, server.address))

    def await_goodbye(self, film: Torrent, server: SluiceServer) -> None:
        wait_until(lambda: not self.tracker.knows(film.info_hash, server.address), 30, "goodbye")
