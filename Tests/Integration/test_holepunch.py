"""Two peers behind NAT that meet through a third, to which both are connected (BEP 55)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from testbed.clients.client import PEER_PORT, Client, Switches, Task
from testbed.clients.libtorrent import Libtorrent
from testbed.host import Host
from testbed.interop.cells import HostedSluice
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route
from testbed.torrents import make_single_file
from testbed.tracker import PORT, TRACKER_ADDRESS

_SLOW = 16 << 10
"""Bytes a second that the third downloads, so that it stays and gives little."""


class Holepunch(SceneTestCase):
    """Each knows what a room of its own at the tracker tells: nobody but the third, if that."""

    def setUp(self) -> None:
        super().setUp()
        self.film = make_single_file(self.directory, "film.mkv", 8 * MIB + 4321, 64 << 10, [])
        self.reader_host, self.relay_host, self.seed_host = (self.host() for _ in range(3))
        for host in (self.reader_host, self.seed_host):
            host.guard("tcp dport 2049")

    def test_through_libtorrent(self) -> None:
        # It knows peers by the ends of its sockets: by uTP that is where they listen.
        self.relay_host.guard(f"udp dport {PEER_PORT}")
        first = self.host()
        self.run_libtorrent(first, seeds=True)
        self.tell(self.seed_host, first.address, self.relay_host.address)
        self.run_libtorrent(self.relay_host, Switches(utp=True, peer_exchange=True, download_limit=_SLOW))
        seed = self.run_sluice(self.seed_host)
        self.read_whole(seed)
        wait_until(lambda: self.is_connected(seed, self.relay_host), 30, "peer at the third")
        self.tracker.remove_peer(first.address, self.film.info_hash)
        reader = self.read_through_a_hole()
        self.assertIn("punching a hole", seed.log())
        self.assertTrue(self.is_connected(seed, self.reader_host), "read from another")
        self.assert_stays_up(reader)

    def test_through_sluice(self) -> None:
        relay = self.run_sluice(
            self.relay_host, pin=True, settings={"rates": {"download": _SLOW}}
        )
        self.tell(self.seed_host, self.relay_host.address)
        # Told of the reader by peer exchange, it might dial by itself at the very moment.
        self.run_libtorrent(self.seed_host, Switches(utp=True), seeds=True)
        wait_until(lambda: self.is_connected(relay, self.seed_host), 30, "peer at the third")
        self.read_through_a_hole()
        self.assert_stays_up(relay)

    def read_through_a_hole(self) -> HostedSluice:
        self.tell(self.reader_host, self.relay_host.address)
        reader = self.run_sluice(self.reader_host)
        self.read_whole(reader)
        self.assertIn("punching a hole", reader.log())
        self.assertTrue(self.is_connected(reader, self.seed_host), "read from another")
        return reader

    # What it is made of.

    def host(self) -> Host:
        host = self.scene.local_network.host()
        self.addCleanup(host.close)
        return host

    def source(self, host: Host) -> Path:
        url = f"http://{TRACKER_ADDRESS}:{PORT}/announce/{host.address}"
        return self.film.with_sources(host.address, [[url]])

    def tell(self, host: Host, *addresses: str) -> None:
        for address in addresses:
            self.tracker.add_peer(self.film.info_hash, address, PEER_PORT, f"/announce/{host.address}")

    def has_announced(self, host: Host) -> bool:
        return self.tracker.knows(self.film.info_hash, host.address, f"/announce/{host.address}")

    def run_libtorrent(
        self, host: Host, switches: Switches = Switches(), seeds: bool = False
    ) -> Client:
        data = self.film.data if seeds else self.directory / f"data-{host.address}"
        task = Task(self.film, self.source(host), data, seeds)
        client = Libtorrent(host, self.directory / f"libtorrent-{host.address}", task, switches)
        self.addCleanup(client.stop)
        # Before it has looked at its files it turns everybody away.
        wait_until(lambda: self.has_announced(host), 30, "announce by libtorrent")
        return client

    def run_sluice(
        self, host: Host, pin: bool = False, settings: dict | None = None
    ) -> HostedSluice:
        route = Route("films", [self.source(host)], pin=pin)
        directory = self.directory / f"sluice-{host.address}"
        server = HostedSluice(host, directory, route, {"log_level": "debug", **(settings or {})})
        server.start()
        self.addCleanup(self.end, server)
        return server

    def read_whole(self, server: HostedSluice) -> None:
        data = server.read(self.film.name, self.film.size, timeout=60)
        self.assertEqual(hashlib.sha256(data).hexdigest(), self.film.files[0].sha256)

    def is_connected(self, server: HostedSluice, host: Host) -> bool:
        lines = server.log().splitlines()
        return any(f"peer={host.address}:" in each for each in lines if " connected" in each)
