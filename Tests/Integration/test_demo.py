"""What a new user does first: run the shipped configuration and read the demo, with no internet."""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.content import sha256_of
from testbed.libnfs_client import LibnfsClient
from testbed.network import Network
from testbed.nfs_wire import NFSConnection
from testbed.scene import SceneTestCase
from testbed.sluice_server import REPOSITORY, SluiceServer


class ShippedServer(SluiceServer):
    """Runs with `config.yaml` as it is in the repository, in a directory that holds nothing else."""

    def __init__(self, network: Network, directory: Path):
        super().__init__(network, directory, [])
        for file in directory.iterdir():
            file.unlink()
        shutil.copy(REPOSITORY / "config.yaml", self.configuration)

    def connect(self, timeout: float = 10) -> NFSConnection:
        # It listens on loopback, and so does nobody else in the server's network.
        return self.network.on_server_network(
            lambda: NFSConnection("127.0.0.1", self.port, timeout)
        )


class Demo(SceneTestCase):
    def test_the_demo_reads_right_without_the_internet(self) -> None:
        server = ShippedServer(self.network, self.directory / "server")
        server.start()
        self.addCleanup(self.end, server)
        on_server_side = self.network.on_server_side([])
        client = LibnfsClient("127.0.0.1", server.export, prefix=on_server_side)
        self.assertIn("demo", client.list())
        (library,) = client.list("demo")
        sums = self.directory / "SHA256SUMS"
        client.copy(f"demo/{library}/SHA256SUMS", sums)
        expected = dict(line.split("  ", 1)[::-1] for line in sums.read_text().splitlines())
        files = set(client.files(f"demo/{library}")) - {"SHA256SUMS"}
        self.assertEqual(files, set(expected))
        for path, digest in expected.items():
            self.assertEqual(client.sha256(f"demo/{library}/{path}"), digest, path)
        copy = self.directory / "copy"
        client.copy(f"demo/{library}/README.txt", copy)
        self.assertEqual(sha256_of(copy), expected["README.txt"])

    def test_what_to_type_is_said_at_start(self) -> None:
        server = ShippedServer(self.network, self.directory / "server")
        server.start()
        self.addCleanup(self.end, server)
        for hint in ["nfs-ls 'nfs://127.0.0.1/torrents", "127.0.0.1:/torrents /mnt", "Kodi"]:
            self.assertIn(hint, server.log())
