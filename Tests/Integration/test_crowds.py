"""Very many clients at once, some of which wait and some of which take hardly anything."""

from __future__ import annotations

import resource
import threading
import time
from contextlib import ExitStack

from testbed.nfs_wire import GETATTR, NFS_PROGRAM, OK, NFSConnection, opaque
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import Staller
from testbed.sluice_server import Route

CONNECTIONS = 2000
WAITING = 2000
SLOW_READERS = 100


class Crowds(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * CONNECTIONS:
            # Inherited by the server, which raises its own limit.
            resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CONNECTIONS, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.cached = self.make_film("cached.mkv", 16 * MIB)
        self.absent = self.make_film("absent.mkv", 16 * MIB)
        self.seed_by_libtorrent(self.cached)
        self.staller = self.seed_by_script(Staller, self.absent)
        self.server = self.serve(Route("films", [self.cached, self.absent]))
        self.root = self.server.root_handle()

    def test_two_thousand_connections_are_served(self) -> None:
        with ExitStack() as stack:
            connections = [
                stack.enter_context(self.server.connect(30)) for _ in range(CONNECTIONS)
            ]
            body = opaque(self.root)
            calls = [(each, each.send(NFS_PROGRAM, GETATTR, body)) for each in connections]
            self.assertTrue(all(each.reply(xid, 30).uint32() == OK for each, xid in calls))
        self.assert_stays_up(self.server)

    def test_attributes_are_told_beside_many_reads_that_wait(self) -> None:
        with self.server.connect() as waiting, self.server.connect() as other:
            absent = waiting.walk(self.root, self.server.path("films", self.absent))
            before = self.server.process.usage().resident_bytes
            for number in range(WAITING):
                waiting.send_read(absent, number * 4096, 4096)
            for connection in [waiting, other]:
                self.assertLess(self.median_seconds(connection, absent), 0.01)
            grown = self.server.process.usage().resident_bytes - before
            self.assertLess(grown, WAITING * 4096)

    def test_slow_readers_cost_little_and_hold_up_nobody(self) -> None:
        path = self.server.path("films", self.cached)
        with ExitStack() as stack:
            other = stack.enter_context(self.server.connect())
            cached = other.walk(self.root, path)
            content = self.cached.read(0, self.cached.size)
            self.assertEqual(other.read_range(cached, 0, self.cached.size), content)
            before = self.server.process.usage().resident_bytes
            slow = [stack.enter_context(self.server.connect()) for _ in range(SLOW_READERS)]
            for each in slow:
                for number in range(16):
                    each.send_read(cached, number * MIB, MIB)
            ended = threading.Event()
            nibbler = threading.Thread(target=_take_bytes, args=(slow, ended))
            nibbler.start()
            self.assertEqual(other.read_range(cached, 0, self.cached.size), content)
            self.assertLess(self.median_seconds(other, cached), 0.01)
            # All that was asked for is 1600 MiB.
            grown = self.server.process.usage().resident_bytes - before
            self.assertLess(grown, 100 * MIB)
            ended.set()
            nibbler.join()
        self.assert_stays_up(self.server)

    def median_seconds(self, connection: NFSConnection, handle: bytes) -> float:
        seconds = []
        for _ in range(200):
            began = time.monotonic()
            connection.attributes(handle)
            seconds.append(time.monotonic() - began)
        return sorted(seconds)[100]


def _take_bytes(connections: list[NFSConnection], ended: threading.Event) -> None:
    while not ended.is_set():
        for each in connections:
            each.socket.recv(1)
        time.sleep(0.2)
