"""Being a good peer: limits on what is transferred, and whom the server speaks with."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import socket
import time

from testbed.libnfs_client import LibnfsClient
from testbed.network import SERVER_ADDRESS
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent

RATE = 1_000_000
SIZE = 6 * MIB


class Limits(SceneTestCase):
    def test_a_download_keeps_to_its_limit_until_it_is_lifted(self) -> None:
        films = [self.make_film(name, SIZE) for name in ("slow.mkv", "fast.mkv")]
        self.seed_by_libtorrent(*films)
        server = self.serve(Route("films", films), settings={"rates": {"download": RATE}})
        seconds = self.read(server, films[0])
        # A tracker answers and a peer is dialled first.
        self.assertGreater(seconds, SIZE / RATE * 0.95)
        self.assertLess(seconds, SIZE / RATE * 1.05 + 2)
        self.reload(server, {"rates": {"download": 0}})
        self.assertLess(self.read(server, films[1]), SIZE / RATE / 2)

    def test_an_upload_keeps_to_its_limit(self) -> None:
        film = self.make_film("film.mkv", SIZE)
        seed = self.seed_by_libtorrent(film)
        server = self.serve(
            Route("films", [film]), settings={"rates": {"upload_per_torrent": RATE}}
        )
        self.read(server, film)
        seed.stop()
        seconds = self.leech_by_libtorrent(film, server).wait()
        self.assertGreater(seconds, SIZE / RATE * 0.9)
        self.assertLess(seconds, SIZE / RATE * 1.1 + 0.5)

    def read(self, server: SluiceServer, film: Torrent) -> float:
        client = LibnfsClient(server.address, server.export)
        began = time.monotonic()
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)
        return time.monotonic() - began

    def reload(self, server: SluiceServer, changed: dict) -> None:
        settings = json.loads(server.configuration.read_text())
        server.configuration.write_text(json.dumps(settings | changed))
        server.reload()


class AddressFilter(SceneTestCase):
    def test_a_filtered_peer_is_not_spoken_with_until_the_filter_changes(self) -> None:
        film = self.make_film("film.mkv", MIB)
        seed = self.seed_by_libtorrent(film)
        ranges = self.directory / "ranges.p2p"
        ranges.write_text(f"# Whom we do not know\nSome: seed:{seed.address}-{seed.address}\n")
        server = self.serve(
            Route("films", [film]),
            settings={"bittorrent": {"ip_filter": str(ranges)}, "log_level": "debug"},
        )
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            with self.assertRaises(Exception):
                connection.read_range(handle, 0, MIB, timeout=1.5)
        self.assertIn("a peer is in the IP filter", server.process.log())
        self.assertNotIn("connected", server.process.log().replace("cannot", ""))
        # A list that cannot be read changes nothing, and says where it is wrong.
        ranges.write_text("1.2.3.0/24\nnonsense\n")
        server.process.signal(signal.SIGHUP)
        wait_until(lambda: f"{ranges}:2: no range" in server.process.log(), 10, "error of the list")
        ranges.write_text("1.2.3.0/24\n")
        server.reload()
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)


class Descriptors(SceneTestCase):
    def test_a_server_without_free_descriptors_goes_on_and_recovers(self) -> None:
        film = self.make_film("film.mkv", 4 * MIB)
        self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]))
        pid = server.process.pid
        with server.connect() as connection:
            handle = connection.walk(server.root_handle(), f"films/{film.name}")
            open_count = len(os.listdir(f"/proc/{pid}/fd"))
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_count + 4, hard))
            strangers = [
                socket.create_connection((SERVER_ADDRESS, server.peer_port)) for _ in range(30)
            ]
            line = "the system gives no further sockets"
            wait_until(lambda: line in server.process.log(), 10, "line about the shortage")
            before, began = server.process.usage().cpu_seconds, time.monotonic()
            time.sleep(1.5)
            share = (server.process.usage().cpu_seconds - before) / (time.monotonic() - began)
            self.assertLess(share, 0.5, "it spins")
            connection.null()
            for stranger in strangers:
                stranger.close()
            data = connection.read_range(handle, 0, film.size, timeout=30)
        self.assertEqual(hashlib.sha256(data).hexdigest(), film.files[0].sha256)
        self.assertEqual(server.process.log().count(line), 1)
