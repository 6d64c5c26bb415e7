"""kill -9 in the middle of things: what clients hold stays valid, what was verified stays cached."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from testbed.content import sha256_of
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route
from testbed.torrents import make_directory
from testbed.tracker import ANNOUNCE_URL


class Restart(SceneTestCase):
    def test_a_kernel_copy_outlives_two_kills(self) -> None:
        film = self.make_film("film.mkv", 128 * MIB, piece_length=MIB)
        sizes = {f"season {n % 3}/episode {n}.mkv": n * 90_001 + 1 for n in range(40)}
        series = make_directory(
            self.directory / "series", "series", sizes, 256 << 10, [[ANNOUNCE_URL]]
        )
        self.seed_by_libtorrent(film, series, upload_limit=24 * MIB)
        server = self.serve(Route("films", [film, series]))
        guest = self.scene.kernel_client
        guest.kernel_log()
        where = self.mount(server)
        copy = guest.shared / "copy"
        job = guest.start(f"cp -r {where}/films {copy}")
        for reached in [32 * MIB, 96 * MIB]:
            wait_until(lambda: size_of(copy) > reached, 60, f"{reached} bytes of the copy")
            server.kill()
            self.assertFalse(job.ended(), "the copy was over before the server was killed")
            time.sleep(0.5)
            server.start()
        result = job.wait(120)
        self.assertEqual((result.status, result.output), (0, ""))
        self.assertEqual(sha256_of(copy / film.name), film.files[0].sha256)
        for file in series.files:
            self.assertEqual(sha256_of(copy / series.name / file.path), file.sha256, file.path)
        self.assertNotRegex(guest.kernel_log(), "(?i)stale")
        shutil.rmtree(copy)

    def test_handles_and_fileids_are_the_same_after_a_restart(self) -> None:
        film = self.make_film("film.mkv", MIB)
        server = self.serve(Route("films", [film]))
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, "films/film.mkv")
            before = connection.attributes(handle)
        server.kill()
        server.start()
        self.assertEqual(server.root_handle(), root)
        with server.connect() as connection:
            self.assertEqual(connection.attributes(handle), before)
            self.assertEqual(connection.walk(root, "films/film.mkv"), handle)

    def test_pieces_once_verified_are_not_fetched_again(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB)
        seed = self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]))
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, "films/film.mkv")
            self.assertEqual(connection.read_range(handle, 0, film.size), film.read(0, film.size))
        # Completion may be recorded a moment after the bytes were served.
        time.sleep(2)
        seed.stop()
        server.kill()
        server.start()
        with server.connect() as connection:
            data = connection.read_range(handle, 0, film.size, timeout=10)
        self.assertEqual(data, film.read(0, film.size))


def size_of(directory: Path) -> int:
    return sum(each.stat().st_size for each in directory.rglob("*") if each.is_file())
