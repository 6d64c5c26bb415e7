"""The test bed itself: before it judges a server, it has to be right with programs that are."""

from __future__ import annotations

import shutil
import time

from testbed.call_observer import CallObserver, RecordHeads
from testbed.content import sha256_of, write_file
from testbed.ganesha_server import GaneshaServer
from testbed.libnfs_client import LibnfsClient
from testbed.libnfs_file import LibnfsFile
from testbed.network import GUEST_GATEWAY
from testbed.nfs_wire import NFSConnection, call_message
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import Liar, ScriptedSeed
from testbed.torrents import library_of_200_files, make_directory
from testbed.tracker import ANNOUNCE_URL


class SwarmOfTheTestBed(SceneTestCase):
    """libtorrent downloads from each kind of seed, found through the tracker."""

    def test_libtorrent_downloads_from_libtorrent(self) -> None:
        torrent = self.make_film("film", 20 * MIB)
        self.seed_by_libtorrent(torrent)
        self.download(torrent)

    def test_libtorrent_downloads_from_transmission(self) -> None:
        torrent = make_directory(
            self.directory / "made",
            "folder",
            library_of_200_files(),
            32 << 10,
            [[ANNOUNCE_URL]],
        )
        self.seed_by_transmission(torrent)
        self.download(torrent)

    def test_libtorrent_downloads_from_the_scripted_seed(self) -> None:
        torrent = self.make_film("film", 5 * MIB)
        seed = self.seed_by_script(ScriptedSeed, torrent)
        self.download(torrent)
        self.assertGreaterEqual(seed.tally.blocks, 5 * 64)

    def test_the_liar_lies_in_one_block_of_fifty(self) -> None:
        torrent = self.make_film("film", 20 * MIB)
        liar = self.seed_by_script(Liar, torrent)
        self.leech_by_libtorrent(torrent)
        wait_until(lambda: liar.tally.bad_blocks > 0, 30, "lie of the liar")

    def download(self, torrent) -> None:
        self.leech_by_libtorrent(torrent).wait()


class ClientsOfTheTestBed(SceneTestCase):
    """libnfs and the kernel client with a server that is known to be right."""

    def setUp(self) -> None:
        super().setUp()
        exported = self.directory / "exported"
        self.names = {
            "film.bin": write_file(exported / "film.bin", 64 * MIB, "film"),
            "naïve name & 日本.txt": write_file(exported / "naïve name & 日本.txt", 5000, "name"),
            "100% #1 + more!.txt": write_file(exported / "100% #1 + more!.txt", 5000, "more"),
        }
        self.exported = exported
        self.server = GaneshaServer(self.network, self.directory / "ganesha", exported)
        self.server.start()
        self.addCleanup(lambda: self.server.terminate(3))

    def test_libnfs_lists_and_reads(self) -> None:
        client = LibnfsClient(self.server.address, self.server.export)
        self.assertEqual(client.list()["film.bin"], 64 * MIB)
        for name, digest in self.names.items():
            self.assertEqual(client.sha256(name), digest, name)

    def test_libnfs_itself_reads_at_any_offset(self) -> None:
        file = LibnfsFile(self.server.address, self.server.export, "film.bin")
        self.addCleanup(file.close)
        with open(self.exported / "film.bin", "rb") as original:
            for offset, count in ((0, 64 << 10), (5 * MIB + 3, 2 * MIB), (64 * MIB - 10, 100)):
                original.seek(offset)
                self.assertEqual(file.read(offset, count), original.read(count), offset)

    def test_the_observer_times_every_read(self) -> None:
        observer = CallObserver(self.server)
        self.addCleanup(observer.stop)
        root = self.server.root_handle()
        make = lambda: NFSConnection(GUEST_GATEWAY, observer.port)  # noqa: E731
        with self.network.on_server_network(make) as connection:
            handle = connection.lookup(root, "film.bin")
            took = sum(connection.read(handle, at * MIB, MIB).seconds for at in range(8))
        reads = observer.reads()
        self.assertEqual(len(reads), 8)
        self.assertLessEqual(sum(read.seconds for read in reads), took)

    def test_the_observer_knows_records_however_they_are_cut(self) -> None:
        records = b"".join(call_message(xid, 100003, 3, 6, bytes(100)) for xid in range(5))
        for size in (1, 3, 64, len(records)):
            heads = RecordHeads()
            parts = [records[at : at + size] for at in range(0, len(records), size)]
            found = [head[:4] for part in parts for head in heads.take(part)]
            self.assertEqual(found, [bytes([0, 0, 0, xid]) for xid in range(5)], size)

    def test_the_raw_client_reads(self) -> None:
        root = self.server.root_handle()
        with self.server.connect() as connection:
            handle = connection.lookup(root, "film.bin")
            self.assertEqual(connection.attributes(handle)["size"], 64 * MIB)
            data = connection.read_range(handle, 5 * MIB + 3, 2 * MIB)
        with open(self.exported / "film.bin", "rb") as file:
            file.seek(5 * MIB + 3)
            self.assertEqual(file.read(2 * MIB), data)

    def test_the_kernel_client_mounts_without_options_and_reads(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server, options="")
        self.assertIn("vers=3", guest.run(f"grep {where} /proc/mounts").output)
        listing = guest.run(f"ls -lR {where}; df {where}").output
        for name in self.names:
            self.assertIn(name, listing)
        for name, digest in self.names.items():
            output = guest.run(f"sha256sum '{where}/{name}'").output
            self.assertTrue(output.startswith(digest), name)
        guest.drop_caches()
        seconds = guest.run(f"cat {where}/film.bin > /dev/null").seconds
        self.scene.figures.append(f"kernel client, ganesha: {64 / seconds:.0f} MiB/s")

    def test_a_kernel_copy_outlives_the_server(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        copy = self.scene.kernel_client.shared / "copy.bin"
        job = guest.start(f"cp {where}/film.bin {copy}")
        wait_until(lambda: copy.exists() and copy.stat().st_size > 4 * MIB, 20, "begun copy")
        self.server.kill()
        self.assertFalse(job.ended(), "the copy was over before the server was killed")
        time.sleep(0.5)
        self.server.start()
        job.wait(60)
        self.assertEqual(sha256_of(copy), self.names["film.bin"])
        copy.unlink()

    def test_a_killed_reader_ends_at_once_without_a_server(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        guest.run(f"stat {where}/film.bin")
        self.server.kill()
        job = guest.start(f"cat {where}/film.bin > /dev/null")
        time.sleep(1)
        self.assertFalse(job.ended())
        began = time.monotonic()
        job.kill()
        job.wait(5)
        self.assertLess(time.monotonic() - began, 1)
        shutil.rmtree(self.exported)
