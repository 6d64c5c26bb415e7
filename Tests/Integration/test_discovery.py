"""Ways to find peers besides an HTTP tracker: each the only one that a torrent has."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace

from testbed import torrents
from testbed.libtorrent_seed import SEED_PORT, LibtorrentSeed
from testbed.network import (
    SERVER_ADDRESS,
    SERVER_IPV6_ADDRESS,
    SWARM_IPV6_ADDRESS,
    TRACKER_ADDRESS,
)
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent
from testbed.tracker import ORIGIN, PORT, Tracker
from testbed.udp_tracker import ANNOUNCE_URL, UDPTracker

DHT = {
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_announce_interval": 5,
}
"""So that nodes of one network count as many."""


class Discovery(SceneTestCase):
    def film(self, trackers: list[list[str]]) -> Torrent:
        return torrents.make_single_file(
            self.directory / "film.mkv", "film.mkv", 4 * MIB, 256 << 10, trackers
        )

    def seed(self, film: Torrent, **settings) -> LibtorrentSeed:
        """A seed that no tracker of ours hears of."""
        seed = LibtorrentSeed(self.network, None, [film], self.directory, settings=settings)
        self.addCleanup(seed.stop)
        return seed

    def serve_with(self, film: Torrent, settings: dict) -> SluiceServer:
        server = SluiceServer(
            self.network, self.directory / "server", [Route("films", [film])], settings
        )
        server.start()
        self.addCleanup(self.end, server)
        return server

    def read(self, server: SluiceServer, film: Torrent) -> None:
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            data = connection.read_range(handle, 0, film.size, timeout=60)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)


class ByUDPTracker(Discovery):
    def setUp(self) -> None:
        super().setUp()
        self.udp_tracker = UDPTracker()
        self.addCleanup(self.udp_tracker.stop)

    def test_a_film_with_a_udp_tracker_alone_is_read(self) -> None:
        film = self.film([[ANNOUNCE_URL]])
        seed = self.seed(film)
        self.udp_tracker.wait_for(film.info_hash, seed.address)
        server = self.serve_with(film, {})
        self.read(server, film)
        server.terminate(timeout=5)
        events = [
            each.event
            for each in self.udp_tracker.announces(film.info_hash)
            if each.address != seed.address
        ]
        self.assertEqual(events[0], "started")
        self.assertEqual(events[-1], "stopped")


class ByTrackerOfBothFamilies(Discovery):
    def test_a_tracker_hears_of_the_addresses_of_both_families(self) -> None:
        self.network.give_ipv6_addresses()
        self.addCleanup(self.network.take_ipv6_addresses)
        tracker_6 = Tracker(address=SWARM_IPV6_ADDRESS)
        self.addCleanup(tracker_6.stop)
        hosts = self.directory / "hosts"
        hosts.write_text(
            f"{TRACKER_ADDRESS} both.example\n{SWARM_IPV6_ADDRESS} both.example\n"
        )
        # The mount namespace is that of the tests: only what they start sees it.
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)
        film = self.film([[f"http://both.example:{PORT}/announce"]])
        seed = self.seed(film)
        # Who asks by IPv4 does not hear of it.
        tracker_6.add_peer(film.info_hash, seed.address, SEED_PORT)
        server = self.serve_with(film, {"bittorrent": {"address": "::"}})
        self.read(server, film)
        server.terminate(timeout=5)
        for tracker, address in [
            (self.tracker, SERVER_ADDRESS),
            (tracker_6, SERVER_IPV6_ADDRESS),
        ]:
            events = [
                each.event
                for each in tracker.announces(film.info_hash)
                if each.address == address
            ]
            self.assertEqual((events[0], events[-1]), ("started", "stopped"))


class ByScrape(Discovery):
    def test_the_tracker_with_the_largest_swarm_is_asked_first(self) -> None:
        rooms = [f"/announce-{name}" for name in "abcd"]
        film = self.film([])
        seed = self.seed(film)
        # Only the last tracker knows it.
        self.tracker.add_peer(film.info_hash, seed.address, SEED_PORT, rooms[-1])
        path = film.with_sources("tracked", [[f"{ORIGIN}{room}"] for room in rooms])
        self.read(self.serve_with(replace(film, metainfo=path), {}), film)
        # Other tests have had this film as well, and its seeds are still taking leave.
        announces = self.tracker.announces(film.info_hash)
        asked = [each.path for each in announces if each.path in rooms]
        self.assertEqual(asked[:2], [rooms[0], rooms[-1]])
        self.assertEqual([self.tracker.scrapes(room) for room in rooms[1:]], [1, 1, 1])


class ByDHT(Discovery):
    def test_a_film_without_a_tracker_is_read(self) -> None:
        film = self.film([])
        first = self.seed(film, enable_dht=True, **DHT)
        entry = f"{first.address}:6881"
        for _ in range(3):
            self.seed(film, enable_dht=True, dht_bootstrap_nodes=entry, **DHT)
        settings = {"dht": {"enabled": True, "bootstrap": [entry]}}
        self.read(self.serve_with(film, settings), film)


class ByLocalDiscovery(Discovery):
    def test_a_film_of_the_local_network_is_read(self) -> None:
        film = self.film([])
        self.seed(film, enable_lsd=True)
        settings = {"local_discovery": True}
        self.read(self.serve_with(film, settings), film)

    def test_a_film_of_the_local_network_is_read_by_ipv6_alone(self) -> None:
        film = self.film([])
        self.network.give_ipv6_addresses()
        self.addCleanup(self.network.take_ipv6_addresses)
        seed = LibtorrentSeed(
            self.network,
            None,
            [film],
            self.directory,
            settings={"enable_lsd": True},
            address=f"[{SWARM_IPV6_ADDRESS}]",
        )
        self.addCleanup(seed.stop)
        settings = {"local_discovery": True, "bittorrent": {"address": SERVER_IPV6_ADDRESS}}
        self.read(self.serve_with(film, settings), film)
