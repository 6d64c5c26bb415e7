"""A route of very many torrents: listed whole, also while some come and others go."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from pathlib import Path

from testbed.processes import wait_until
from testbed.scene import SceneTestCase
from testbed.sluice_server import Route

COUNT = int(os.environ.get("SLUICE_ENTRIES", "100000"))

# Reads a directory of so many entries, and rests five times on the way.
_LIST_SLOWLY = """
import os, sys, time
for number, entry in enumerate(os.scandir(sys.argv[1])):
    print(entry.name)
    if number % (int(sys.argv[2]) // 6) == 100:
        time.sleep(1.5)
"""


def write_torrent(folder: Path, number: int) -> str:
    """The smallest torrent there is: a byte in a file. Returns its name."""
    name = f"show-{number:06}.txt"
    pieces = hashlib.sha1(bytes([number & 0xFF])).digest()
    info = b"d6:lengthi1e4:name%d:%s12:piece lengthi16384e6:pieces20:%se" % (
        len(name),
        name.encode(),
        pieces,
    )
    (folder / f"{number:06}.torrent").write_bytes(b"d4:info" + info + b"e")
    return name


class Listing(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.directory / "torrents"
        self.folder.mkdir()
        self.names = {write_torrent(self.folder, number) for number in range(COUNT)}
        self.next_number = COUNT
        self.server = self.serve(Route("shows", folders=[self.folder]))

    def test_a_listing_of_many_torrents_neither_doubles_nor_skips(self) -> None:
        with self.server.connect(timeout=60) as connection:
            shows = connection.walk(self.server.root_handle(), "shows")
            listed = lambda: [each.name for each in connection.list(shows)]
            wait_until(lambda: len(listed()) == COUNT, 300, "all", interval=1)
            self.assertEqual(set(listed()), self.names)
        self.check_kernel()
        with self.server.connect(timeout=60) as connection:
            with self.changing() as change:
                pages = lambda page: change() if page % 10 == 5 and page < 50 else None
                self.check(each.name for each in connection.list(shows, meanwhile=pages))
        self.check_kernel_meanwhile()

    def check_kernel(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        began = time.monotonic()
        self.assertEqual(int(guest.run(f"ls -f {where}/shows | wc -l").output), COUNT + 2)
        names = time.monotonic() - began
        self.assertEqual(int(guest.run(f"ls -l {where}/shows | wc -l").output), COUNT + 1)
        attributes = time.monotonic() - began - names
        guest.run(f"umount {where}")
        self.scene.figures.append(
            f"kernel lists {COUNT} torrents: {names:.1f} s, with attributes {attributes:.1f} s"
        )

    def check_kernel_meanwhile(self) -> None:
        guest = self.scene.kernel_client
        found = guest.shared / "names"
        (guest.shared / "list.py").write_text(_LIST_SLOWLY)
        # What comes and goes is to be seen at once.
        where = self.mount(self.server, options="vers=3,acdirmin=0,acdirmax=0")
        command = f"/usr/bin/python3 {guest.shared}/list.py {where}/shows {COUNT} > {found}"
        with self.changing() as change:
            job = guest.start(command)
            while not job.ended():
                change()
            self.assertEqual(job.wait().status, 0)
            self.check(found.read_text().splitlines())

    @contextmanager
    def changing(self):
        """Gives a function that lets some torrents go and others come, early and late in the listing."""
        before = set(self.names)
        self.gone, self.come = set(), set()

        def change() -> None:
            ordered = sorted(self.names & before)
            for place in (len(self.gone), -1 - len(self.gone), len(ordered) // 2):
                name = ordered[place]
                (self.folder / f"{int(name[5:11]):06}.torrent").unlink()
                self.names.remove(name)
                self.gone.add(name)
            self.come.add(write_torrent(self.folder, self.next_number))
            self.next_number += 1
            # The folder is looked at each second.
            time.sleep(1.2)

        yield change
        self.names |= self.come

    def check(self, names) -> None:
        listed = list(names)
        self.assertGreater(len(self.come), 3)
        self.assertEqual(len(listed), len(set(listed)), "listed twice")
        self.assertLessEqual(self.names, set(listed), "skipped")
        self.assertLessEqual(set(listed), self.names | self.gone | self.come)
