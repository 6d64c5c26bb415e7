"""What a new user does first: run the shipped configuration and read the demo, with no internet."""

from __future__ import annotations

import hashlib
from pathlib import Path

from testbed.libnfs_client import LibnfsClient
from testbed.network import Network
from testbed.scene import SceneTestCase
from testbed.sluice_server import REPOSITORY, SluiceServer


class ShippedServer(SluiceServer):
    """Runs with `config.yaml` as it is in the repository, in an empty working directory."""

    def __init__(self, network: Network, directory: Path):
        super().__init__(network, directory, [])
        self.configuration = REPOSITORY / "config.yaml"

    @property
    def address(self) -> str:
        return "127.0.0.1"

    def connect(self, timeout: float = 10):
        return self.network.on_server_network(lambda: super(ShippedServer, self).connect(timeout))


class Demo(SceneTestCase):
    def test_the_demo_reads_right_without_the_internet(self) -> None:
        server = ShippedServer(self.network, self.directory / "server")
        server.start()
        self.addCleanup(self.end, server)
        # Loopback of the server's side of the network, from where nothing but the test bed is in reach.
        client = LibnfsClient("127.0.0.1", server.export, prefix=self.network.on_server_side([]))
        self.assertIn("demo", client.list())
        files = client.files("demo")
        self.assertGreater(sum(files.values()), 0)
        originals = digests_below(server.directory)
        for path, size in files.items():
            self.assertIn((size, client.sha256(f"demo/{path}")), originals, path)
        self.assertRegex(server.log(), r"nfs-ls nfs://")
        self.assertRegex(server.log(), r"mount .*/torrents")


def digests_below(directory: Path) -> set[tuple[int, str]]:
    """Size and SHA-256 of every file: the demo's originals lie somewhere in the state directory."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files}
