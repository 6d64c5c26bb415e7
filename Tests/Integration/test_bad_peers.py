"""Peers that lie, stall or babble beside an honest one: the file is right all the same."""

from __future__ import annotations

from testbed.libnfs_client import LibnfsClient
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import BabblingSeed, Liar, Staller, WrongTorrentSeed
from testbed.sluice_server import Route


class BadPeers(SceneTestCase):
    def test_a_liar_beside_an_honest_seed_ends_up_banned(self) -> None:
        film = self.make_film("film.mkv", 96 * MIB)
        liar = self.seed_by_script(Liar, film)
        self.seed_by_libtorrent(film, upload_limit=8 * MIB)
        server = self.read_whole(film)
        self.assertGreater(liar.tally.bad_blocks, 0)
        self.assertRegex(server.log(), rf"(?i)ban.*{liar.address}|{liar.address}.*ban")
        # Banned means left alone: no connection stays, no block is asked for any more.
        wait_until(lambda: liar.tally.open_connections == 0, 10, "end of the liar's connections")

    def test_a_staller_holds_nothing_up(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB)
        staller = self.seed_by_script(Staller, film)
        self.seed_by_libtorrent(film)
        self.read_whole(film)
        self.assertGreater(staller.tally.connections, 0)

    def test_garbage_of_every_kind_ends_a_connection_and_nothing_else(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB)
        babblers = [self.seed_by_script(BabblingSeed, film) for _ in range(6)]
        stranger = self.seed_by_script(WrongTorrentSeed, film)
        self.seed_by_libtorrent(film, upload_limit=8 * MIB)
        self.read_whole(film)
        self.assertGreater(sum(each.tally.bad_blocks for each in babblers), 0)
        self.assertGreater(stranger.tally.connections, 0)

    def read_whole(self, film):
        server = self.serve(Route("films", [film]))
        client = LibnfsClient(server.address, server.export)
        digest = client.sha256(server.path("films", film), timeout=90)
        self.assertEqual(digest, film.files[0].sha256)
        self.assert_stays_up(server)
        return server
