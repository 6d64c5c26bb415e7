"""Folders of torrents are watched: what is put in appears, what is taken out is gone."""

from __future__ import annotations

import shutil

from testbed.libnfs_client import LibnfsClient
from testbed.nfs_wire import STALE, NFSError
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route


class Folders(SceneTestCase):
    def test_torrents_come_and_go_with_their_files(self) -> None:
        first = self.make_film("first.mkv", MIB)
        second = self.make_film("second.mkv", MIB)
        self.seed_by_libtorrent(first, second)
        folder = self.directory / "folder"
        (folder / "below").mkdir(parents=True)
        shutil.copy(first.metainfo, folder)
        server = self.serve(Route("films", folders=[folder]))
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(set(client.list("films")), {first.name})
        root = server.root_handle()
        with server.connect() as connection:
            handle = connection.walk(root, f"films/{first.name}")
            # Written under another name first, as browsers and rsync do.
            shutil.copy(second.metainfo, folder / "below" / "second.torrent.part")
            (folder / "below" / "second.torrent.part").rename(folder / "below" / "second.torrent")
            both = {first.name, second.name}
            wait_until(lambda: set(client.list("films")) == both, 10, "second film")
            digest = client.sha256(f"films/{second.name}")
            self.assertEqual(digest, second.files[0].sha256)
            (folder / first.metainfo.name).unlink()
            wait_until(lambda: set(client.list("films")) == {second.name}, 10, "end of the first")
            with self.assertRaises(NFSError) as caught:
                connection.attributes(handle)
            self.assertEqual(caught.exception.status, STALE)
