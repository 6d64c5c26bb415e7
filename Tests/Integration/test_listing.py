"""A route of very many torrents: listed whole, also while some come and others go."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from testbed.nfs_wire import NFSConnection
from testbed.processes import wait_until
from testbed.scene import SceneTestCase
from testbed.sluice_server import Route

COUNT = int(os.environ.get("SLUICE_ENTRIES", "100000"))


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
        self.server = self.serve(Route("shows", folders=[self.folder]))

    def test_a_listing_of_many_torrents_neither_doubles_nor_skips(self) -> None:
        with self.server.connect(timeout=60) as connection:
            shows = connection.walk(self.server.root_handle(), "shows")
            listed = lambda: [each.name for each in connection.list(shows)]
            wait_until(lambda: len(listed()) == COUNT, 300, "all", interval=1)
            self.assertEqual(set(listed()), self.names)
        self.check_kernel()
        with self.server.connect(timeout=60) as connection:
            self.check_changes_meanwhile(connection, shows)

    def check_kernel(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        began = time.monotonic()
        self.assertEqual(int(guest.run(f"ls -f {where}/shows | wc -l").output), COUNT + 2)
        names = time.monotonic() - began
        self.assertEqual(int(guest.run(f"ls -l {where}/shows | wc -l").output), COUNT + 1)
        attributes = time.monotonic() - began - names
        self.scene.figures.append(
            f"kernel lists {COUNT} torrents: {names:.1f} s, with attributes {attributes:.1f} s"
        )

    def check_changes_meanwhile(self, connection: NFSConnection, shows: bytes) -> None:
        """Some of what was listed, and some of what was not yet, goes; others come."""
        gone, come = set(), set()

        def change(page: int) -> None:
            if page % 40 != 5 or page > 200:
                return
            ordered = sorted(self.names - gone)
            for name in [ordered[page], ordered[-page]]:
                number = int(name[5:11])
                (self.folder / f"{number:06}.torrent").unlink()
                gone.add(name)
            come.add(write_torrent(self.folder, COUNT + page))
            # The folder is looked at each second.
            time.sleep(1.2)

        listed = [each.name for each in connection.list(shows, meanwhile=change)]
        self.assertGreater(len(come), 3)
        self.assertEqual(len(listed), len(set(listed)), "listed twice")
        self.assertLessEqual(self.names - gone, set(listed), "skipped")
        self.assertLessEqual(set(listed), self.names | come)
