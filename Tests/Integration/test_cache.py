"""The cache: it stays small, and a disk that fails costs the cache and not the reading."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time

from testbed import torrents
from testbed.disk_use import DiskUse, mounted
from testbed.failing_disk import FailingDisk
from testbed.libnfs_client import LibnfsClient
from testbed.libtorrent_seed import LibtorrentSeed
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent
from testbed.tracker import ANNOUNCE_URL

_WINDOW = 16 * MIB
_PASSED_ON = "not cached but only passed on"
_WRITTEN_AGAIN = "the cache can be written again"


class Cache(SceneTestCase):
    def test_four_readers_of_a_film_that_is_larger_than_the_cache(self) -> None:
        film = self.make_film("film.mkv", 160 * MIB, piece_length=MIB)
        self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film]), settings={"cache_size": 32 * MIB})
        with DiskUse(server.state / "cache") as use:
            faults = self.read_by_four(server, film, reads=10)
            self.assertEqual(faults, [])
            self.assertLessEqual(use.most, 32 * MIB + _WINDOW)
            self.assertGreater(use.most, 24 * MIB)
        self.assert_reads(server, film, 0, film.size)

    def test_a_film_is_read_though_the_disk_is_full(self) -> None:
        film = self.make_film("film.mkv", 96 * MIB)
        self.seed_by_libtorrent(film)
        cache = mounted(self, "tmpfs", self.directory / "small", "size=24m")
        server = self.serve(Route("films", [film]), settings={"cache_directory": str(cache)})
        self.assert_reads(server, film, 0, film.size)
        self.assert_reads(server, film, 0, 4 * MIB)
        self.assertIn("No space left on device", server.log())
        self.assertLessEqual(server.log().count(_PASSED_ON), 6)
        self.assert_stays_up(server)

    def test_a_film_is_read_though_the_cache_is_read_only(self) -> None:
        film = self.make_film("film.mkv", 96 * MIB)
        self.seed_by_libtorrent(film)
        cache = mounted(self, "tmpfs", self.directory / "cache", "size=200m")
        server = self.serve(Route("films", [film]), settings={"cache_directory": str(cache)})
        self.assert_reads(server, film, 0, 8 * MIB)
        # Completion may be recorded a moment after the bytes were served.
        time.sleep(1)
        server.kill()
        subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
        server.start()
        self.assert_reads(server, film, 0, film.size)
        self.assert_reads(server, film, 0, 8 * MIB)
        self.assertIn(_PASSED_ON, server.log())

    def test_a_cache_that_can_be_written_again_is_used_again_without_a_restart(self) -> None:
        film = self.make_film("film.mkv", 64 * MIB)
        seed = self.seed_by_libtorrent(film)
        cache = mounted(self, "tmpfs", self.directory / "cache", "size=200m,ro")
        server = self.serve(Route("films", [film]), settings={"cache_directory": str(cache)})
        self.assert_reads(server, film, 0, 8 * MIB)
        subprocess.run(["mount", "-o", "remount,rw", str(cache)], check=True)
        self.assert_cached_again(server, film, seed, 8 * MIB)

    def test_a_film_is_read_though_the_disk_of_the_cache_fails(self) -> None:
        film = self.make_film("film.mkv", 64 * MIB)
        seed = self.seed_by_libtorrent(film)
        cache = self.directory / "cache"
        disk = FailingDisk(self.directory, cache)
        server = self.serve(
            Route("films", [film]),
            settings={"cache_directory": str(cache)},
            environment=disk.environment,
        )
        self.assert_reads(server, film, 0, 8 * MIB)
        self.assertNotIn("Input/output error", server.log())
        disk.fail("reads")
        self.assert_reads(server, film, 0, 12 * MIB)
        self.assertIn("what cannot be read of the cache is fetched again", server.log())
        disk.fail("reads", "writes")
        self.assert_reads(server, film, 0, 16 * MIB)
        self.assertIn(_PASSED_ON, server.log())
        self.assertLessEqual(server.log().count("Input/output error"), 4)
        disk.fail()
        self.assert_cached_again(server, film, seed, 16 * MIB)

    def assert_cached_again(
        self, server: SluiceServer, film: Torrent, seed: LibtorrentSeed, start: int
    ) -> None:
        """Reads on from `start` until the cache is used, and then what was cached without a peer."""
        while _WRITTEN_AGAIN not in server.log():
            self.assertLess(start, 48 * MIB, server.log())
            self.assert_reads(server, film, start, MIB)
            start += MIB
            time.sleep(0.5)
        self.assertEqual(server.log().count(_WRITTEN_AGAIN), 1)
        self.assertEqual(server.log().count(_PASSED_ON), 1)
        self.assert_reads(server, film, 48 * MIB, 16 * MIB)
        seed.stop()
        self.assert_reads(server, film, 48 * MIB, 16 * MIB)
        server.terminate()
        server.start()
        self.assert_reads(server, film, 48 * MIB, 16 * MIB)

    def test_the_cache_stays_small_on_a_file_system_without_holes(self) -> None:
        film = self.make_film("film.mkv", 96 * MIB)
        self.seed_by_libtorrent(film)
        cache = mounted(self, "ramfs", self.directory / "ramfs")
        settings = {"cache_directory": str(cache), "cache_size": 32 * MIB}
        server = self.serve(Route("films", [film]), settings=settings)
        with DiskUse(cache, by_length=True) as use:
            self.assert_reads(server, film, 0, film.size)
            self.assertLessEqual(use.most, 32 * MIB + _WINDOW)
        server.kill()
        server.start()
        self.assert_reads(server, film, 64 * MIB, 32 * MIB)

    def test_what_is_pinned_by_its_path_is_kept_and_the_rest_makes_room(self) -> None:
        sizes = {"1/a.mkv": 8 * MIB, "1/b.mkv": 8 * MIB, "2/c.mkv": 12 * MIB}
        series = torrents.make_directory(
            self.directory / "series", "Series", sizes, 256 << 10, [[ANNOUNCE_URL]]
        )
        film = self.make_film("film.mkv", 64 * MIB)
        seed = self.seed_by_libtorrent(series, film)
        route = {
            "name": "films",
            "pin": ["Series/1", "Series/3"],
            "torrents": [{"torrent_path": str(each.metainfo)} for each in (series, film)],
        }
        server = self.serve(settings={"cache_size": 32 * MIB, "routes": [route]})
        client = LibnfsClient(server.address, server.export)
        cached = server.state / "cache" / f"{series.info_hash.hex()}.pieces"
        wait_until(
            lambda: cached.exists() and cached.stat().st_blocks * 512 >= 16 * MIB, 60, "the pins"
        )
        self.assertLess(cached.stat().st_blocks * 512, 17 * MIB)
        self.assertIn("films/Series/3: is pinned, but nothing stands there", server.log())
        # What is not pinned makes room, while the torrent is at work and when it is not.
        self.assertEqual(client.sha256("films/Series/2/c.mkv"), series.files[2].sha256)
        with DiskUse(server.state / "cache") as use:
            self.assert_reads(server, film, 0, film.size)
            self.assertLessEqual(use.most, 32 * MIB + _WINDOW)
        server.terminate()
        server.start()
        self.assert_reads(server, film, 0, film.size)
        seed.stop()
        for number in (0, 1):
            path = f"films/Series/{series.files[number].path}"
            self.assertEqual(client.sha256(path), series.files[number].sha256)

    def test_pins_that_leave_no_room_are_said_once_and_kept(self) -> None:
        film, other = self.make_film("film.mkv", 48 * MIB), self.make_film("other.mkv", 8 * MIB)
        seed = self.seed_by_libtorrent(film, other)
        route = Route("films", [film, other], pin=["film.mkv"])
        server = self.serve(route, settings={"cache_size": 32 * MIB})
        cached = server.state / "cache" / f"{film.info_hash.hex()}.pieces"
        wait_until(
            lambda: cached.exists() and cached.stat().st_blocks * 512 >= film.size, 60, "the pin"
        )
        self.assert_reads(server, other, 0, other.size)
        said = "what is pinned is more than the cache may hold"
        wait_until(lambda: said in server.log(), 10, "the warning")
        seed.stop()
        self.assert_reads(server, film, 0, film.size)
        self.assertEqual(server.log().count(said), 1)

    def test_a_route_fills_no_more_than_its_part_of_the_cache(self) -> None:
        film, other = self.make_film("film.mkv", 96 * MIB), self.make_film("other.mkv", 24 * MIB)
        seed = self.seed_by_libtorrent(film, other)
        server = self.serve(
            Route("small", [film], cache_size=32 * MIB),
            Route("others", [other]),
            settings={"cache_size": 128 * MIB},
        )
        self.assert_reads(server, other, 0, other.size, "others")
        with DiskUse(server.state / "cache") as use:
            self.assert_reads(server, film, 0, film.size, "small")
            self.assertLessEqual(use.most, (24 + 32) * MIB + _WINDOW)
        seed.stop()
        self.assert_reads(server, other, 0, other.size, "others")

    def test_damage_is_found_by_sluice_verify_with_a_server_and_without(self) -> None:
        film = self.make_film("film.mkv", 24 * MIB)
        other = self.make_film("other.mkv", 8 * MIB)
        self.seed_by_libtorrent(film, other)
        server = self.serve(Route("films", [film]), Route("others", [other]))
        nothing = server.command("verify")
        self.assertEqual((nothing.returncode, nothing.stdout), (0, "nothing is cached\n"))
        self.assert_reads(server, film, 0, film.size)
        self.assert_reads(server, other, 0, other.size, "others")
        self.assert_verified(server, "verify", "checked 128 pieces (32 MiB) of 2 torrents")
        self.damage(server, film, places=3)
        self.assertIn("control", os.listdir(server.state))
        self.assert_verified(server, "others", "checked 32 pieces (8 MiB) of 1 torrent")
        found = server.command("verify", "/torrents/films/film.mkv")
        self.assertEqual(found.returncode, 1, found)
        self.assertIn("films/film.mkv: 3 of 96 pieces damaged", found.stdout)
        self.assertIn("of 1 torrent: 3 damaged", found.stdout)
        self.assert_reads(server, film, 0, film.size)
        self.assert_verified(server, "verify", "checked 128 pieces (32 MiB) of 2 torrents")
        self.assertIn("the share has no “film”", server.command("verify", "film").stderr)
        server.terminate()
        self.damage(server, film, places=2)
        found = server.command("verify", "films")
        self.assertEqual(found.returncode, 1, found)
        self.assertIn("checked 96 pieces (24 MiB) of 1 torrent: 2 damaged", found.stdout)
        self.assert_verified(server, "films", "checked 94 pieces")
        server.start()
        self.assert_reads(server, film, 0, film.size)

    def damage(self, server: SluiceServer, film: Torrent, places: int) -> None:
        """A few bytes of so many pieces are others."""
        (path,) = (server.state / "cache").glob(f"{film.info_hash.hex()}.pieces")
        with path.open("r+b") as file:
            for place in range(places):
                file.seek(place * 2 * MIB + 12_345)
                file.write(b"damage")

    def assert_verified(self, server: SluiceServer, what: str, summary: str) -> None:
        found = server.command("verify", *([] if what == "verify" else [what]))
        self.assertEqual(found.returncode, 0, found)
        self.assertTrue(found.stdout.startswith(summary), found)
        self.assertTrue(found.stdout.endswith("all are right\n"), found)

    # MARK: Reading

    def assert_reads(
        self,
        server: SluiceServer,
        film: Torrent,
        offset: int,
        length: int,
        route: str = "films",
    ) -> None:
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, server.path(route, film))
            for start in range(offset, offset + length, 8 * MIB):
                count = min(8 * MIB, offset + length - start)
                data = connection.read_range(handle, start, count)
                self.assertTrue(data == film.read(start, count), f"wrong bytes at {start}")

    def read_by_four(self, server: SluiceServer, film: Torrent, reads: int) -> list[str]:
        faults: list[str] = []
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, server.path("films", film))

        def read(seed: int) -> None:
            generator = random.Random(seed)
            try:
                with server.connect() as connection:
                    for _ in range(reads):
                        length = generator.randrange(1, 6 * MIB)
                        start = generator.randrange(film.size - length)
                        if connection.read_range(handle, start, length) != film.read(start, length):
                            faults.append(f"wrong bytes at {start}")
            except Exception as error:  # noqa: BLE001
                faults.append(repr(error))

        readers = [threading.Thread(target=read, args=[seed]) for seed in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return faults
