"""Peers that speak uTP and no TCP: read from, and served, plain and encrypted."""

from __future__ import annotations

import libtorrent

from testbed.libnfs_client import LibnfsClient
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer

_FORCED = int(libtorrent.enc_policy.forced)
_UTP_ALONE = {
    "enable_outgoing_tcp": False,
    "enable_incoming_tcp": False,
    "enable_outgoing_utp": True,
    "enable_incoming_utp": True,
}
_ENCRYPTED = {
    "out_enc_policy": _FORCED,
    "in_enc_policy": _FORCED,
    "allowed_enc_level": int(libtorrent.enc_level.rc4),
}


class UTP(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 24 * MIB + 4321)

    def test_reads_from_libtorrent(self) -> None:
        self.seed_by_libtorrent(self.film, settings=_UTP_ALONE)
        self.read_whole()

    def test_reads_encrypted_from_libtorrent(self) -> None:
        self.seed_by_libtorrent(self.film, settings=_UTP_ALONE | _ENCRYPTED)
        self.read_whole()

    def test_is_read_from_by_libtorrent(self) -> None:
        seed = self.seed_by_libtorrent(self.film)
        server = self.read_whole()
        seed.stop()
        for name, settings in {"plain": {}, "encrypted": _ENCRYPTED}.items():
            with self.subTest(name):
                settings = _UTP_ALONE | settings
                self.leech_by_libtorrent(self.film, server, settings=settings).wait()

    def read_whole(self) -> SluiceServer:
        server = self.serve(Route("films", [self.film]))
        client = LibnfsClient(server.address, server.export)
        digest = client.sha256(server.path("films", self.film), timeout=60)
        self.assertEqual(digest, self.film.files[0].sha256)
        self.assert_stays_up(server)
        return server
