"""A server on a host of its own, and an address that several such servers have in turn."""

from __future__ import annotations

from pathlib import Path

from .host import Host, LocalNetwork
from .namespace import ip, run
from .network import GUEST_ADDRESS, GUEST_GATEWAY, SERVER_ADDRESS, TRACKER_ADDRESS, Network
from .sluice_server import Route, SluiceServer


class HostServer(SluiceServer):
    """As `SluiceServer`, on `host`; port 111 there is its own."""

    def __init__(
        self, network: Network, host: Host, directory: Path, routes: list[Route], settings: dict
    ):
        self.host = host
        nfs = {"rpcbind": False} | settings.get("nfs", {})
        bittorrent = {"address": host.address} | settings.get("bittorrent", {})
        settings = settings | {"nfs": nfs, "bittorrent": bittorrent}
        super().__init__(network, directory, routes, settings)

    @property
    def address(self) -> str:
        return self.host.address

    def launch(self) -> list[str]:
        return self.host.command(self.arguments())


class MovingAddress:
    """One that clients know a service by, whichever host has it; the kernel client reaches it."""

    address = "10.79.0.200"

    def __init__(self, network: Network):
        self._owner: Host | None = None
        # From the guest by way of its gateway and of the tests, which are on the hosts' link.
        forward = lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        forward()
        network.on_server_network(forward)
        network.ip_on_server_side(f"route replace {self.address}/32 via {TRACKER_ADDRESS}")
        ip(f"route replace {GUEST_GATEWAY.rpartition('.')[0]}.0/24 via {SERVER_ADDRESS}")

    def move(self, host: Host) -> None:
        """Takes it from its host, who hears nothing of it, and gives it to another."""
        if self._owner:
            run(self._owner.command(["ip", "address", "del", f"{self.address}/32", "dev", "eth0"]))
        back = ["ip", "route", "replace", f"{GUEST_ADDRESS}/32", "via", LocalNetwork.address]
        run(host.command(back))
        run(host.command(["ip", "address", "add", f"{self.address}/32", "dev", "eth0"]))
        # What whoever takes over an address tells its neighbours.
        run(["ip", "neighbour", "flush", "to", self.address])
        self._owner = host
