"""kill -9 in the middle of things: what clients hold stays valid, what was verified stays cached."""

from __future__ import annotations

import time

from testbed.content import sha256_of
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route


class Restart(SceneTestCase):
    def test_a_kernel_copy_outlives_two_kills(self) -> None:
        film = self.make_film("film.mkv", 192 * MIB, piece_length=MIB)
        self.seed_by_libtorrent(film, upload_limit=24 * MIB)
        server = self.serve(Route("films", [film]))
        guest = self.scene.kernel_client
        guest.kernel_log()
        where = self.mount(server)
        copy = guest.shared / "copy.mkv"
        job = guest.start(f"cp {where}/films/{film.name} {copy}")
        for reached in [32 * MIB, 96 * MIB]:
            wait_until(lambda: size_of(copy) > reached, 60, f"{reached} bytes of the copy")
            server.kill()
            self.assertFalse(job.ended(), "the copy was over before the server was killed")
            time.sleep(0.5)
            server.start()
        result = job.wait(120)
        self.assertEqual((result.status, result.output), (0, ""))
        self.assertEqual(sha256_of(copy), film.files[0].sha256)
        self.assertNotRegex(guest.kernel_log(), "(?i)stale")
        copy.unlink()

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


def size_of(path) -> int:
    return path.stat().st_size if path.exists() else 0
