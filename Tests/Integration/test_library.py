"""Whole torrents, seeded by other clients, read by other clients: every byte is the original's."""

from __future__ import annotations

import time

from testbed.content import sha256_of
from testbed.libnfs_client import LibnfsClient
from testbed.scene import GIB, MIB, SceneTestCase
from testbed.sluice_server import Route, SluiceServer
from testbed.torrents import Torrent


class WholeLibrary(SceneTestCase):
    """1 GiB in one file, and 200 files; each seeder feeds one reader cold, the other one warm."""

    def setUp(self) -> None:
        super().setUp()
        self.film = self.scene.film
        self.series = self.scene.series

    def test_seeded_by_libtorrent_read_by_libnfs_then_by_the_kernel(self) -> None:
        self.seed_by_libtorrent(self.film, self.series)
        server = self.serve(Route("films", [self.film]), Route("series", [self.series]))
        self.read_by_libnfs(server, "libtorrent, cold, libnfs")
        self.read_by_the_kernel(server, "cached, kernel")

    def test_seeded_by_transmission_read_by_the_kernel_then_by_libnfs(self) -> None:
        self.seed_by_transmission(self.film, self.series)
        server = self.serve(Route("films", [self.film]), Route("series", [self.series]))
        self.read_by_the_kernel(server, "transmission, cold, kernel")
        self.read_by_libnfs(server, "cached, libnfs")

    def read_by_libnfs(self, server: SluiceServer, how: str) -> None:
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(set(client.list()), {"films", "series"})
        self.assertEqual(client.list("films"), {self.film.name: self.film.size})
        with self.measured(server, self.film, how):
            digest = client.sha256(server.path("films", self.film), timeout=150)
        self.assertEqual(digest, self.film.files[0].sha256)
        for file in self.series.files:
            digest = client.sha256(server.path("series", self.series, file.path))
            self.assertEqual(digest, file.sha256, file.path)
        name = "Extras/deep/er/and deeper/still/last.bin"
        copy = self.directory / "by-nfs-cp"
        client.copy(server.path("series", self.series, name), copy)
        self.assertEqual(sha256_of(copy), self.digest(self.series, name))

    def read_by_the_kernel(self, server: SluiceServer, how: str) -> None:
        guest = self.scene.kernel_client
        where = self.mount(server)
        # Names, sizes and room first: none of it needs a peer.
        lines = guest.run(f"ls -lR '{where}'").output.splitlines()
        listed = {(int(fields[4]), fields[8]) for line in lines if (fields := file_fields(line))}
        for file in self.series.files:
            self.assertTrue((file.size, file.path.rpartition("/")[2]) in listed, file.path)
        self.assertIn(server.export, guest.run(f"df '{where}'").output)
        with self.measured(server, self.film, how):
            output = guest.run(f"sha256sum '{where}/films/{self.film.name}'", timeout=200).output
        self.assertTrue(output.startswith(self.film.files[0].sha256), output)
        # cp, then dd of an odd range, both compared outside the guest.
        copy = guest.shared / "series"
        guest.run(f"cp -r '{where}/series/{self.series.name}' '{copy}'; sync", timeout=120)
        for file in self.series.files:
            self.assertEqual(sha256_of(copy / file.path), file.sha256, file.path)
        part = guest.shared / "part"
        guest.run(
            f"dd if='{where}/films/{self.film.name}' of={part} bs=4321 skip=200000 count=77; sync"
        )
        self.assertEqual(part.read_bytes(), self.film.read(4321 * 200_000, 4321 * 77))
        guest.run(f"rm -r '{copy}' {part}")

    def digest(self, torrent: Torrent, path: str) -> str:
        return next(file.sha256 for file in torrent.files if file.path == path)

    def measured(self, server: SluiceServer, torrent: Torrent, how: str) -> "Measurement":
        return Measurement(self.scene.figures, server, torrent.size, how)


def file_fields(line: str) -> list[str] | None:
    """The columns of a line of `ls -l` that shows a file; only the last, its name, has blanks."""
    return line.split(maxsplit=8) if line.startswith("-") else None


class Measurement:
    """Notes what reading `size` bytes cost the server."""

    def __init__(self, figures: list[str], server: SluiceServer, size: int, how: str):
        self._figures, self._server, self._size, self._how = figures, server, size, how

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._before = self._server.process.usage()

    def __exit__(self, failure, *_) -> None:
        if failure is not None:
            return
        seconds = time.monotonic() - self._began
        after = self._server.process.usage()
        processor = (after.cpu_seconds - self._before.cpu_seconds) * GIB / self._size
        self._figures.append(
            f"{self._how}: {self._size / MIB / seconds:.0f} MiB/s, {processor:.2f} CPU s/GiB, "
            f"peak memory {after.peak_resident_bytes / MIB:.0f} MiB"
        )
