"""A home router lets peers in because it was asked to."""

from __future__ import annotations

import hashlib
import sys

from testbed import torrents
from testbed.home_gateway import (
    HOME_ADDRESS,
    LAN_ADDRESS,
    OUTSIDE_ADDRESS,
    WAN_ADDRESS,
    HomeGateway,
    NATPMPGateway,
)
from testbed.libtorrent_seed import start_session
from testbed.network import SERVER_ADDRESS
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent


class Interface(SceneTestCase):
    """The server side has `server0`, which leads to the swarm, and `lo`, which does not."""

    def start(self, interface: str) -> tuple[SluiceServer, Torrent]:
        film = self.make_film("film.mkv", 1 * MIB)
        self.seed_by_libtorrent(film)
        address = f"0.0.0.0%{interface}"
        return self.serve(Route("films", [film]), settings={"bittorrent": {"address": address}}), film

    def test_peers_are_met_by_the_interface_that_is_named(self) -> None:
        server, film = self.start("server0")
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            data = connection.read_range(handle, 0, film.size, timeout=30)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)
        self.assertTrue(self.tracker.knows(film.info_hash, SERVER_ADDRESS))

    def test_nothing_leaves_by_any_other_interface(self) -> None:
        server, film = self.start("lo")
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            reading = connection.send_read(handle, 0, 4096)
            with self.assertRaises(TimeoutError):
                connection.reply(reading, timeout=3)
        self.assertFalse(self.tracker.knows(film.info_hash, SERVER_ADDRESS))


class Reach(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.gateway = HomeGateway(self.network, self.directory / "gateway")
        self.addCleanup(self.gateway.stop)

    def film(self) -> Torrent:
        """No tracker knows it."""
        return torrents.make_single_file(
            self.directory / "film.mkv", "film.mkv", 2 * MIB, 256 << 10, []
        )

    def serve_at_home(self, film: Torrent) -> SluiceServer:
        return self.serve(
            Route("films", [film]),
            settings={"bittorrent": {"address": HOME_ADDRESS, "port_mapping": True}},
        )

    def wait_for(self, server: SluiceServer, method: str) -> None:
        line = (
            f"mapped port 6881 at the gateway {LAN_ADDRESS} ({method}), "
            f"reachable as {WAN_ADDRESS}:6881"
        )
        wait_until(lambda: line in server.log(), 20, f"mapping by {method}")

    def read_from_outside(self, server: SluiceServer, film: Torrent) -> None:
        """The only seed knows the router's address alone, and nobody knows the seed's."""
        seed = start_session(
            sys.executable,
            {
                "torrents": [[str(film.metainfo), str(film.data)]],
                "address": OUTSIDE_ADDRESS,
                "port": 6881,
                "upload_limit": 0,
                "seed": True,
                "peers": [[WAN_ADDRESS, 6881]],
            },
            self.directory / "outside.log",
        )
        self.addCleanup(seed.kill)
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            data = connection.read_range(handle, 0, film.size, timeout=60)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)

    def test_a_peer_comes_in_through_a_router_that_knows_PCP(self) -> None:
        self.gateway.start_miniupnpd(pcp=True, upnp=True)
        film = self.film()
        server = self.serve_at_home(film)
        self.wait_for(server, "PCP")
        self.assertEqual(len(self.gateway.mappings()), 2, "TCP and UDP")
        self.read_from_outside(server, film)
        self.end(server)
        self.assertEqual(self.gateway.mappings(), [], "the mappings outlive the server")

    def test_a_peer_comes_in_through_a_router_that_knows_UPnP_alone(self) -> None:
        self.gateway.start_miniupnpd(pcp=False, upnp=True)
        film = self.film()
        server = self.serve_at_home(film)
        self.wait_for(server, "UPnP")
        self.assertEqual(len(self.gateway.mappings()), 2, "TCP and UDP")
        self.read_from_outside(server, film)
        self.end(server)
        self.assertEqual(self.gateway.mappings(), [], "the mappings outlive the server")

    def test_a_router_that_knows_NAT_PMP_alone_maps_the_port(self) -> None:
        router = NATPMPGateway(self.gateway)
        self.addCleanup(router.stop)
        server = self.serve_at_home(self.film())
        self.wait_for(server, "NAT-PMP")
        self.assertEqual(router.mapped, {1: 6881, 2: 6881})
        self.assertGreater(router.refused, 0, "PCP was not tried first")
        self.end(server)
        self.assertEqual(router.mapped, {})

    def test_a_router_that_maps_nothing_is_told_of_in_one_line(self) -> None:
        server = self.serve_at_home(self.film())
        line = f"port 6881 is not mapped at the gateway {LAN_ADDRESS}"
        wait_until(lambda: line in server.log(), 30, "word of the router")
        self.assertIn(f"forward TCP and UDP port 6881 to {HOME_ADDRESS}", server.log())
        self.assertEqual(server.log().count(line), 1)
