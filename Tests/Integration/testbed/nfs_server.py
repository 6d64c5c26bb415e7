"""What the test bed knows of any NFS server: where it is, that it answers, how it ends."""

from __future__ import annotations

import time
from pathlib import Path

from .network import SERVER_ADDRESS, Network
from .nfs_wire import NFSConnection
from .processes import Process, TestbedError, require_running


class Rpcbind:
    """One on the server side; its socket below the private /run is the only one in reach."""

    def __init__(self, network: Network, logs: Path):
        Path("/run/rpcbind").mkdir(exist_ok=True)
        self.process = Process(network.on_server_side(["rpcbind", "-f"]), logs / "rpcbind.log")
        deadline = time.monotonic() + 10
        while not Path("/run/rpcbind.sock").exists():
            require_running(self.process)
            if time.monotonic() > deadline:
                raise TestbedError("rpcbind does not come up")
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        Path("/run/rpcbind.sock").unlink(missing_ok=True)


class NFSServer:
    """A server program on the server side of the network, NFS and MOUNT on their ports."""

    export = "/torrents"
    port = 2049
    mount_port = 2049

    def __init__(self, network: Network, directory: Path):
        self.network = network
        self.directory = directory
        self.process: Process | None = None
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        return SERVER_ADDRESS

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def launch(self) -> list[str]:
        """What starts it where it belongs."""
        return self.network.on_server_side(self.arguments())

    def start(self, timeout: float = 30) -> float:
        """Returns the seconds until NFS answered a NULL call."""
        if not self.arguments():
            raise TestbedError("nothing to start")
        self.process = Process(
            self.launch(),
            self.directory / f"{type(self).__name__.lower()}.log",
            cwd=self.directory,
        )
        began = time.monotonic()
        while True:
            require_running(self.process)
            try:
                with self.connect(timeout=2) as connection:
                    connection.null()
                return time.monotonic() - began
            except (OSError, EOFError) as error:
                if time.monotonic() - began > timeout:
                    raise TestbedError(f"NFS gives no answer after {timeout} s") from error
                time.sleep(0.02)

    def connect(self, timeout: float = 10) -> NFSConnection:
        return NFSConnection(self.address, self.port, timeout)

    def root_handle(self) -> bytes:
        with NFSConnection(self.address, self.mount_port) as connection:
            return connection.mount(self.export)

    def log(self) -> str:
        """Everything every run of the server has written."""
        return self.process.log()

    def kill(self) -> None:
        self.process.kill()

    def terminate(self, timeout: float = 10) -> float:
        return self.process.terminate(timeout)
