"""READs that wait for a piece: they hold up nobody, and they end as the rules say."""

from __future__ import annotations

import statistics
import subprocess
import time

from testbed.libnfs_client import LibnfsClient
from testbed.nfs_wire import JUKEBOX, OK
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import Staller
from testbed.sluice_server import Route

HOLD_SECONDS = 25
"""How long the server holds a READ for which nothing is there (README, `stall_timeout`)."""


class WaitingBesideOthers(SceneTestCase):
    """One torrent is cached; of the other one, no block ever comes."""

    def setUp(self) -> None:
        super().setUp()
        self.cached = self.make_film("small.txt", 40_000)
        self.absent = self.make_film("absent.mkv", 8 * MIB)
        self.seed_by_libtorrent(self.cached)
        self.staller = self.seed_by_script(Staller, self.absent)
        self.server = self.serve(Route("films", [self.cached, self.absent]))
        client = LibnfsClient(self.server.address, self.server.export)
        digest = client.sha256(self.server.path("films", self.cached))
        self.assertEqual(digest, self.cached.files[0].sha256)

    def test_cat_of_a_cached_file_is_quick_while_another_reader_waits(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        path = f"{where}/films/{self.cached.name}"
        guest.run(f"cat {path} > /dev/null")
        waiting = guest.start(f"cat {where}/films/{self.absent.name} > /dev/null")
        self.addCleanup(waiting.kill)
        time.sleep(1)
        seconds, bare = [], []
        for _ in range(5):
            bare.append(guest.run("cat /dev/null").seconds)
            # Out of the page cache with this file, but not with cat itself.
            guest.run(f"dd if={path} iflag=nocache count=0")
            seconds.append(guest.run(f"cat {path} > /dev/null").seconds)
            self.assertFalse(waiting.ended())
        self.scene.figures.append(
            f"cat beside a waiting reader: {statistics.median(seconds) * 1000:.0f} ms, "
            f"of nothing {statistics.median(bare) * 1000:.0f} ms"
        )
        # The quickest, less what a process of the guest takes to start: what else the machine does
        # must not count, and a server that is held up by the other READ would hold up all of them.
        self.assertLess(min(seconds) - min(bare), 0.1)
        output = guest.run(f"sha256sum {path}").output
        self.assertTrue(output.startswith(self.cached.files[0].sha256))
        self.assertGreater(self.staller.tally.requests, 0)

    def test_kill_of_a_waiting_kernel_reader_is_immediate(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        waiting = guest.start(f"cat {where}/films/{self.absent.name} > /dev/null")
        time.sleep(1)
        self.assertFalse(waiting.ended())
        began = time.monotonic()
        waiting.kill()
        waiting.wait(5)
        self.assertLess(time.monotonic() - began, 0.5)
        self.assert_stays_up(self.server)

    def test_calls_behind_a_waiting_read_on_one_connection_are_answered(self) -> None:
        root = self.server.root_handle()
        with self.server.connect() as connection:
            absent = connection.walk(root, f"films/{self.absent.name}")
            cached = connection.walk(root, f"films/{self.cached.name}")
            began = time.monotonic()
            waiting = [connection.send_read(absent, part << 17, 1 << 17) for part in range(16)]
            for _ in range(20):
                called = time.monotonic()
                connection.attributes(absent)
                self.assertEqual(connection.read(cached, 0, 4096).status, OK)
                self.assertLess(time.monotonic() - called, 0.05)
            with self.assertRaises(TimeoutError):
                connection.reply(waiting[0], timeout=1)
            # Nothing at all comes: each READ is held its time, then told to come again.
            for xid in waiting:
                reply = connection.read_reply(xid, began, timeout=HOLD_SECONDS + 10)
                self.assertEqual(reply.status, JUKEBOX)
                self.assertGreater(reply.seconds, HOLD_SECONDS - 2)
                self.assertLess(reply.seconds, HOLD_SECONDS + 3)

    def test_sigterm_ends_the_server_within_two_seconds_though_a_read_waits(self) -> None:
        root = self.server.root_handle()
        with self.server.connect() as connection:
            absent = connection.walk(root, f"films/{self.absent.name}")
            connection.send_read(absent, 0, 1 << 20)
            time.sleep(0.5)
            self.assertLess(self.server.terminate(timeout=5), 2)
        self.assertEqual(self.server.process.exit_code, 0)

    def test_sigterm_ends_an_idle_server_within_two_seconds(self) -> None:
        self.assertLess(self.server.terminate(timeout=5), 2)
        self.assertEqual(self.server.process.exit_code, 0)


class WithoutSeeders(SceneTestCase):
    """A film of which a part was read before every seeder went away."""

    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 256 * MIB, piece_length=MIB)
        seed = self.seed_by_libtorrent(self.film, upload_limit=16 * MIB)
        self.server = self.serve(Route("films", [self.film]))
        root = self.server.root_handle()
        with self.server.connect() as connection:
            self.handle = connection.walk(root, f"films/{self.film.name}")
            begin = connection.read_range(self.handle, 0, 4 * MIB)
        self.assertEqual(begin, self.film.read(0, 4 * MIB))
        seed.stop()
        self.absent_offset = 250 * MIB

    def test_cached_ranges_read_and_others_wait(self) -> None:
        guest = self.scene.kernel_client
        guest.kernel_log()
        path = f"{self.mount(self.server)}/films/{self.film.name}"
        with self.server.connect() as connection:
            began = time.monotonic()
            waiting = connection.send_read(self.handle, self.absent_offset, 1 << 16)
            self.read_cached_range(connection, guest, path)
            reader = guest.start(f"dd if={path} of=/dev/null bs=64k skip=4000 count=1")
            self.kill_libnfs_reader()
            reply = connection.read_reply(waiting, began, timeout=HOLD_SECONDS + 10)
        self.assertEqual(reply.status, JUKEBOX)
        self.assertGreater(reply.seconds, HOLD_SECONDS - 2)
        # The kernel has had its JUKEBOX too by now, or will have: it waits in silence.
        time.sleep(3)
        self.assertFalse(reader.ended())
        began = time.monotonic()
        reader.kill()
        reader.wait(5)
        self.assertLess(time.monotonic() - began, 0.5)
        self.assertNotIn("not responding", guest.kernel_log())
        self.assert_stays_up(self.server)

    def test_cached_ranges_survive_a_restart_without_any_peer(self) -> None:
        self.server.kill()
        self.server.start()
        with self.server.connect() as connection:
            data = connection.read_range(self.handle, 0, 4 * MIB, timeout=10)
        self.assertEqual(data, self.film.read(0, 4 * MIB))

    def test_a_waiting_reader_goes_on_when_a_seeder_returns(self) -> None:
        with self.server.connect() as connection:
            waiting = connection.send_read(self.handle, self.absent_offset, 1 << 16)
            began = time.monotonic()
            self.seed_by_libtorrent(self.film)
            reply = connection.read_reply(waiting, began, timeout=60)
            if reply.status == JUKEBOX:
                reply = connection.read(self.handle, self.absent_offset, 1 << 16, timeout=60)
        self.assertEqual(reply.status, OK)
        self.assertEqual(reply.data, self.film.read(self.absent_offset, len(reply.data)))

    def read_cached_range(self, connection, guest, path: str) -> None:
        data = connection.read_range(self.handle, 0, 4 * MIB, timeout=5)
        self.assertEqual(data, self.film.read(0, 4 * MIB))
        part = guest.shared / "part"
        # Read-ahead of the kernel would run into the missing pieces and wait there by itself.
        guest.run(f"dd if={path} of={part} bs=64k count=16; sync", timeout=10)
        self.assertEqual(part.read_bytes(), self.film.read(0, MIB))

    def kill_libnfs_reader(self) -> None:
        client = LibnfsClient(self.server.address, self.server.export)
        command = client.command("nfs-cat", client.url(self.server.path("films", self.film)))
        reader = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        self.assertIsNone(reader.poll(), "libnfs read what nobody has")
        began = time.monotonic()
        reader.kill()
        reader.wait(5)
        self.assertLess(time.monotonic() - began, 0.5)
