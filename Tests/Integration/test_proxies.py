"""Proxies as the only way to a seed, with a witness that nothing goes around them."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import time

from testbed import torrents
from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import SEED_PORT, LibtorrentSeed
from testbed.proxies import (
    HIDDEN_ADDRESS,
    Dante,
    Microsocks,
    Packet,
    Proxy,
    Tinyproxy,
    Witness,
    hide_an_address,
)
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route
from testbed.torrents import Torrent, WebSeeds
from testbed.udp_tracker import ANNOUNCE_URL, UDPTracker
from testbed.web_server import Nginx

LEAKS = {"dht": {"enabled": True, "bootstrap": ["10.77.0.1:6999"]}, "local_discovery": True}
"""Settings that would send packets of their own, were there no proxy."""


class Proxies(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        hide_an_address()

    def test_a_socks5_proxy_is_the_only_way_to_a_seed(self) -> None:
        self.read_from_a_hidden_seed(Microsocks(self.network, self.directory))

    def test_a_socks5_proxy_with_a_password(self) -> None:
        self.read_from_a_hidden_seed(
            Microsocks(self.network, self.directory, "someone", "pass word: 1")
        )

    def test_an_http_proxy_with_a_password(self) -> None:
        self.read_from_a_hidden_seed(Tinyproxy(self.network, self.directory, "someone", "secret"))

    def test_a_web_seed_is_reached_through_either(self) -> None:
        for kind in Microsocks, Tinyproxy:
            with self.subTest(kind.kind):
                film = self.make_film(
                    f"{kind.kind}.mkv",
                    12 * MIB + 7,
                    web_seeds=WebSeeds((f"http://{HIDDEN_ADDRESS}/",)),
                )
                nginx = Nginx(HIDDEN_ADDRESS, film.data, self.directory / film.name)
                try:
                    self.read_through(kind(self.network, self.directory), film)
                finally:
                    nginx.stop()

    def test_while_the_proxy_is_down_nothing_is_sent_elsewhere(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB)
        # This one could be reached without it.
        self.seed_by_libtorrent(film)
        proxy = self.start(Microsocks(self.network, self.directory))
        proxy.stop()
        witness = Witness()
        server = self.serve(Route("films", [film]), settings=LEAKS | {"proxy": proxy.settings})
        client = LibnfsClient(server.address, server.export)
        path = server.path("films", film)
        reader = subprocess.Popen(
            client.command("nfs-cat", client.url(path)), stdout=subprocess.DEVNULL
        )
        time.sleep(5)
        self.assertIsNone(reader.poll())
        reader.kill()
        reader.wait()
        self.assert_only(witness, proxy)
        self.assertRegex(server.log(), "tracker failed.*proxy")
        proxy.start()
        self.assertEqual(client.sha256(path, timeout=60), film.files[0].sha256)

    def read_from_a_hidden_seed(self, proxy: Proxy) -> None:
        film = self.make_film("hidden.mkv", 24 * MIB + 4321)
        seed = LibtorrentSeed(
            self.network, self.tracker, [film], self.directory, address=HIDDEN_ADDRESS
        )
        self.addCleanup(seed.stop)
        self.read_through(proxy, film)

    def read_through(self, proxy: Proxy, film: Torrent) -> None:
        self.start(proxy)
        witness = Witness()
        server = self.serve(Route("films", [film]), settings=LEAKS | {"proxy": proxy.settings})
        client = LibnfsClient(server.address, server.export)
        digest = client.sha256(server.path("films", film), timeout=60)
        self.assertEqual(digest, film.files[0].sha256)
        # The tracker has heard of it, but not from there.
        addresses = {each.address for each in self.tracker.announces(film.info_hash)}
        self.assertTrue(addresses)
        self.assertNotIn(server.address, addresses)
        self.assert_only(witness, proxy)
        self.assertIn("which are off", server.log())
        self.assert_stays_up(server)
        self.end(server)

    def assert_only(self, witness: Witness, proxy: Proxy) -> None:
        expected = {Packet(socket.IPPROTO_TCP, proxy.address, proxy.port)}
        self.assertEqual(witness.packets(), expected)

    def start(self, proxy: Proxy) -> Proxy:
        self.addCleanup(proxy.stop)
        return proxy


class Relay(SceneTestCase):
    """Of datagrams, by a SOCKS5 proxy that permits it."""

    def setUp(self) -> None:
        super().setUp()
        hide_an_address()
        self.proxy = Dante(self.network, self.directory)
        self.addCleanup(self.proxy.stop)

    def test_a_udp_tracker_hears_of_the_proxy_alone_and_a_peer_is_met_by_utp(self) -> None:
        film = self.film([[ANNOUNCE_URL]])
        tracker = UDPTracker()
        self.addCleanup(tracker.stop)
        tracker.add_peer(film.info_hash, HIDDEN_ADDRESS, SEED_PORT)
        self.seed(film, enable_incoming_utp=True, enable_incoming_tcp=False)
        self.read(film, {})
        addresses = {each.address for each in tracker.announces(film.info_hash)}
        # The seed's own, and what the tracker takes for ours.
        self.assertEqual(addresses, {HIDDEN_ADDRESS, self.proxy.address})

    def test_the_dht_is_asked_through_the_proxy(self) -> None:
        film = self.film([])
        dht = {
            "enable_dht": True,
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_ignore_dark_internet": False,
            "dht_announce_interval": 5,
        }
        # A session on the loopback interface takes no part in the DHT.
        first = self.seed(film, self.network.take_swarm_address(), **dht)
        entry = f"{first.address}:{SEED_PORT}"
        for _ in range(3):
            other = self.film([], "other.mkv")
            node = LibtorrentSeed(
                self.network,
                None,
                [other],
                self.directory,
                settings=dht | {"dht_bootstrap_nodes": entry},
            )
            self.addCleanup(node.stop)
        self.read(film, {"dht": {"enabled": True, "bootstrap": [entry]}})

    def film(self, trackers: list[list[str]], name: str = "hidden.mkv") -> Torrent:
        directory = self.directory / name
        return torrents.make_single_file(directory, name, 4 * MIB + 321, 256 << 10, trackers)

    def seed(
        self, film: Torrent, address: str = HIDDEN_ADDRESS, **settings
    ) -> LibtorrentSeed:
        seed = LibtorrentSeed(
            self.network, None, [film], self.directory, settings=settings, address=address
        )
        self.addCleanup(seed.stop)
        return seed

    def read(self, film: Torrent, settings: dict) -> None:
        witness = Witness()
        server = self.serve(
            Route("films", [film]), settings=settings | {"proxy": self.proxy.settings}
        )
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            # A uTP connection that a busy machine starves is given up and made again.
            data = connection.read_range(handle, 0, film.size, timeout=120)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)
        packets = witness.packets()
        self.assertEqual({each.destination for each in packets}, {self.proxy.address})
        kinds = {each.protocol for each in packets}
        self.assertEqual(kinds, {socket.IPPROTO_TCP, socket.IPPROTO_UDP})
        self.end(server)
