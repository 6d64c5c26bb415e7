"""Peers that require encryption, refuse it, or leave the choice: the file is right all the same."""

from __future__ import annotations

import libtorrent

from testbed.libnfs_client import LibnfsClient
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer

RC4 = int(libtorrent.enc_level.rc4)
PLAINTEXT = int(libtorrent.enc_level.plaintext)
BOTH = int(libtorrent.enc_level.both)
_TRANSMISSION_REQUIRES = 2


def forced(level: int) -> dict:
    """Only encrypted handshakes; what follows is as `level` says."""
    policy = int(libtorrent.enc_policy.forced)
    return {"out_enc_policy": policy, "in_enc_policy": policy, "allowed_enc_level": level}


def disabled() -> dict:
    policy = int(libtorrent.enc_policy.disabled)
    return {"out_enc_policy": policy, "in_enc_policy": policy}


class Encryption(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 24 * MIB + 4321)

    def test_dials_libtorrent_that_requires_rc4(self) -> None:
        self.seed_by_libtorrent(self.film, settings=forced(RC4))
        self.read_whole("prefer")

    def test_dials_libtorrent_that_requires_an_encrypted_handshake(self) -> None:
        self.seed_by_libtorrent(self.film, settings=forced(PLAINTEXT))
        self.read_whole("prefer")

    def test_requires_encryption_of_libtorrent_that_does_not(self) -> None:
        self.seed_by_libtorrent(self.film)
        self.read_whole("require")

    def test_dials_transmission_that_requires_encryption(self) -> None:
        self.seed_by_transmission(self.film, settings={"encryption": _TRANSMISSION_REQUIRES})
        self.read_whole("prefer")

    def test_requires_encryption_of_transmission_that_does_not(self) -> None:
        self.seed_by_transmission(self.film)
        self.read_whole("require")

    def test_disabled_reads_from_who_encrypts_nothing(self) -> None:
        self.seed_by_libtorrent(self.film, settings=disabled())
        self.read_whole("disable")

    def test_is_dialled_by_libtorrent_however_it_encrypts(self) -> None:
        server = self.fill_cache("prefer")
        for name, settings in {
            "rc4": forced(RC4),
            "plaintext": forced(PLAINTEXT),
            "both": forced(BOTH),
            "disabled": disabled(),
        }.items():
            with self.subTest(name):
                self.leech_by_libtorrent(self.film, server, settings=settings).wait(30)

    def test_requires_encryption_of_who_dials(self) -> None:
        server = self.fill_cache("require")
        refused = self.leech_by_libtorrent(self.film, server, settings=disabled())
        self.leech_by_libtorrent(self.film, server, settings=forced(RC4)).wait(30)
        self.assertFalse(refused.is_complete)

    def fill_cache(self, policy: str) -> SluiceServer:
        """Afterwards the server is the only one who has the film."""
        seed = self.seed_by_libtorrent(self.film)
        server = self.read_whole(policy)
        seed.stop()
        return server

    def read_whole(self, policy: str) -> SluiceServer:
        server = self.serve(
            Route("films", [self.film]), settings={"bittorrent": {"encryption": policy}}
        )
        client = LibnfsClient(server.address, server.export)
        digest = client.sha256(server.path("films", self.film), timeout=60)
        self.assertEqual(digest, self.film.files[0].sha256)
        self.assert_stays_up(server)
        return server
