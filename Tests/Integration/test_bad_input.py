"""Malformed input from files, trackers and both ports: named in the log, and the service goes on."""

from __future__ import annotations

import random
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

import libtorrent

from testbed import torrents
from testbed.libnfs_client import LibnfsClient
from testbed.network import SERVER_ADDRESS
from testbed.nfs_wire import (
    BADHANDLE,
    GETATTR,
    MOUNT_PROGRAM,
    NFS_PROGRAM,
    STALE,
    NFSError,
    RPCError,
    call_message,
    opaque,
)
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.scripted_seed import handshake
from testbed.sluice_server import Route
from testbed.tracker import ANNOUNCE_URL, NONSENSE, nonsense_url


def malformed_torrents(good: bytes) -> dict[str, bytes]:
    """File name to content; none of them is a torrent anyone should serve."""
    metainfo = libtorrent.bdecode(good)

    def changed(**info) -> bytes:
        replaced = {key.replace("_", " ").encode(): value for key, value in info.items()}
        return libtorrent.bencode({**metainfo, b"info": {**metainfo[b"info"], **replaced}})

    return {
        "empty.torrent": b"",
        "cut.torrent": good[: len(good) // 2],
        "noise.torrent": random.Random(1).randbytes(5000),
        "page.torrent": b"<!DOCTYPE html><title>404</title>",
        "deep.torrent": b"l" * 200_000 + b"e" * 200_000,
        "long-string.torrent": b"d4:info99999999999:x",
        "no-info.torrent": b"d8:announce3:urle",
        "zero-piece-length.torrent": changed(piece_length=0),
        "huge-piece-length.torrent": changed(piece_length=1 << 60),
        "negative-length.torrent": changed(length=-5),
        "huge-length.torrent": changed(length=(1 << 63) - 1),
        "too-few-pieces.torrent": changed(pieces=metainfo[b"info"][b"pieces"][:-20]),
        "odd-pieces.torrent": changed(pieces=metainfo[b"info"][b"pieces"][:-7]),
        "name-is-a-number.torrent": changed(name=7),
    }


class BadFiles(SceneTestCase):
    def test_malformed_torrents_are_named_and_the_good_one_is_served(self) -> None:
        film = self.make_film("good.mkv", MIB)
        self.seed_by_libtorrent(film)
        folder = self.directory / "folder"
        folder.mkdir()
        shutil.copy(film.metainfo, folder)
        bad = malformed_torrents(film.metainfo.read_bytes())
        for name, content in bad.items():
            (folder / name).write_bytes(content)
        server = self.serve(Route("films", folders=[folder]))
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(client.list("films"), {film.name: film.size})
        self.assertEqual(client.sha256(f"films/{film.name}"), film.files[0].sha256)
        for name in bad:
            self.assertIn(name, server.log())

    def test_names_that_climb_out_stay_inside(self) -> None:
        film = self.make_film("good.mkv", MIB)
        metainfo = libtorrent.bdecode(film.metainfo.read_bytes())
        folder = self.directory / "folder"
        folder.mkdir()
        names = [b"..", b"../../up", b"/etc/passwd", b"a\0b", b"\xff\xfe", b""]
        for number, name in enumerate(names):
            info = {**metainfo[b"info"], b"name": name}
            content = libtorrent.bencode({**metainfo, b"info": info})
            (folder / f"climbing {number}.torrent").write_bytes(content)
        server = self.serve(Route("films", folders=[folder]))
        for name in LibnfsClient(server.address, server.export).list("films"):
            self.assertNotIn(name, {"", ".", ".."})
            self.assertNotIn("/", name)
        self.assert_stays_up(server)


class BadTrackers(SceneTestCase):
    def test_nonsense_in_every_tier_does_not_hide_the_tracker_that_works(self) -> None:
        tiers = [[nonsense_url(kind)] for kind in NONSENSE] + [[ANNOUNCE_URL]]
        film = torrents.make_single_file(
            self.directory / "made", "film.mkv", 4 * MIB, 64 << 10, tiers
        )
        # The seed has the same film from a torrent that names the good tracker alone.
        self.seed_by_libtorrent(self.make_film("film.mkv", 4 * MIB, piece_length=64 << 10))
        self.tracker.add_peer(film.info_hash, "10.77.0.250", 1)
        server = self.serve(Route("films", [film]))
        digest = LibnfsClient(server.address, server.export).sha256("films/film.mkv")
        self.assertEqual(digest, film.files[0].sha256)
        self.assert_stays_up(server)

    def test_a_tracker_that_names_impossible_peers_harms_nothing(self) -> None:
        tiers = [[nonsense_url("impossible-peers")]]
        film = torrents.make_single_file(
            self.directory / "made", "film.mkv", 4 * MIB, 64 << 10, tiers
        )
        server = self.serve(Route("films", [film]))
        root = server.root_handle()
        with server.connect() as connection:
            connection.send_read(connection.walk(root, "films/film.mkv"), 0, 4096)
            wait_until(lambda: self.tracker.announces(film.info_hash), 10, "announce")
            # A moment to try what it was told.
            time.sleep(1)
            connection.null()

    def test_announces_tell_the_truth_in_order(self) -> None:
        film = self.make_film("film.mkv", 4 * MIB)
        self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]))
        LibnfsClient(server.address, server.export).sha256("films/film.mkv")
        server.terminate()
        ours = [
            each
            for each in self.tracker.announces(film.info_hash)
            if each.address == SERVER_ADDRESS
        ]
        self.assertEqual(ours[0].event, "started")
        self.assertEqual(ours[0].left, film.size)
        self.assertEqual(ours[0].port, server.peer_port)
        self.assertEqual(ours[-1].event, "stopped")
        self.assertEqual(ours[-1].left, 0)
        self.assertGreaterEqual(ours[-1].downloaded, film.size)
        self.assertEqual(len({each.peer_id for each in ours}), 1)


class BadTraffic(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 4 * MIB)
        self.seed_by_libtorrent(self.film)
        self.server = self.serve(Route("films", [self.film]))
        self.generator = random.Random(7)

    def test_running_out_of_descriptors_stops_nothing_but_new_connections(self) -> None:
        pid = self.server.process.pid
        with self.server.connect() as early:
            early.null()
            used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            limit = f"--nofile={used + 20}:{used + 20}"
            subprocess.run(["prlimit", "--pid", str(pid), limit], check=True)
            late = [
                socket.create_connection((self.server.address, self.server.port))
                for _ in range(100)
            ]
            time.sleep(0.5)
            before = self.server.process.usage().cpu_seconds
            time.sleep(2)
            early.null()
            self.assertLess(self.server.process.usage().cpu_seconds - before, 0.4)
            for connection in late:
                connection.close()
        self.assertIn("no room for a connection", self.server.log())
        wait_until(self.answers, 5, "an answer to a new connection")

    def answers(self) -> bool:
        try:
            with self.server.connect(timeout=2) as connection:
                connection.null()
            return True
        except (OSError, EOFError):
            return False

    def test_garbage_on_the_nfs_port(self) -> None:
        call = call_message(1, NFS_PROGRAM, 3, GETATTR, opaque(bytes(32)))
        samples = [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            struct.pack(">I", 0xFFFFFFFF),
            struct.pack(">I", 0x7FFFFFFF) + bytes(100_000),
            struct.pack(">I", 0x80000000),
            struct.pack(">I", 0) * 10_000,
            call[:-5],
            call.replace(struct.pack(">II", 0, 2), struct.pack(">II", 0, 9), 1),
            call_message(2, 999_999, 1, 0, b""),
            call_message(3, NFS_PROGRAM, 4, 0, b""),
            call_message(4, NFS_PROGRAM, 3, 77, b""),
            call_message(5, NFS_PROGRAM, 3, GETATTR, struct.pack(">I", 0xFFFFFFF0)),
            call_message(6, MOUNT_PROGRAM, 3, 1, opaque(b"/" * 5000)),
            *(self.generator.randbytes(2000) for _ in range(200)),
            *(self.mutated(call) for _ in range(2000)),
        ]
        self.send_each(self.server.port, samples)
        self.assert_serves_and_stays_small()

    def test_garbage_on_the_peer_port(self) -> None:
        hello = handshake(self.film.info_hash, b"-SC0001-" + bytes(12))
        samples = [
            b"",
            b"\x13BitTorrent protocol",
            handshake(bytes(20), bytes(20)),
            hello + struct.pack(">I", 0xFFFFFFFF),
            hello + struct.pack(">IB", 100_000_000, 7) + bytes(100_000),
            hello + struct.pack(">IBIII", 13, 6, 0xFFFFFFFF, 0, 16384),
            hello + struct.pack(">IBIII", 13, 6, 0, 0xFFFFFFFF, 0xFFFFFFFF),
            hello + struct.pack(">IBIII", 13, 8, 1, 2, 3),
            *(hello + self.generator.randbytes(500) for _ in range(200)),
            *(self.generator.randbytes(500) for _ in range(200)),
        ]
        self.send_each(self.server.peer_port, samples)
        self.assert_serves_and_stays_small()

    def test_forged_handles_open_nothing(self) -> None:
        root = self.server.root_handle()
        with self.server.connect() as connection:
            handle = connection.walk(root, "films/film.mkv")
            forged = [handle[:-1], handle + b"\0", b"", bytes(len(handle)), bytes(64)]
            for bit in range(len(handle) * 8):
                flipped = bytearray(handle)
                flipped[bit // 8] ^= 1 << bit % 8
                forged.append(bytes(flipped))
            for each in forged:
                with self.assertRaises(NFSError, msg=each.hex()) as caught:
                    connection.attributes(each)
                self.assertIn(caught.exception.status, {STALE, BADHANDLE})
            with self.assertRaises(RPCError):
                connection.attributes(bytes(68))
            connection.null()

    def mutated(self, message: bytes) -> bytes:
        changed = bytearray(message)
        for _ in range(self.generator.randint(1, 4)):
            changed[self.generator.randrange(4, len(changed))] = self.generator.randrange(256)
        return bytes(changed)

    def send_each(self, port: int, samples: list[bytes]) -> None:
        for sample in samples:
            with socket.create_connection((SERVER_ADDRESS, port), timeout=5) as connection:
                try:
                    connection.sendall(sample)
                except OSError:
                    pass  # It may well have hung up half-way.

    def assert_serves_and_stays_small(self) -> None:
        self.assert_stays_up(self.server)
        digest = LibnfsClient(self.server.address, self.server.export).sha256("films/film.mkv")
        self.assertEqual(digest, self.film.files[0].sha256)
        self.assertLess(self.server.process.usage().peak_resident_bytes, 300 * MIB)
