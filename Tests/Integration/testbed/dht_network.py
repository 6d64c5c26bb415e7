"""A DHT of nodes by libtorrent, entered by the names that clients know of themselves.

As a program: `dht_network.py ADDRESS…` runs a node on each, all in one process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import libtorrent

if __name__ != "__main__":
    from .host import LocalNetwork
    from .processes import Process, require_running, wait_until

COUNT = 24
_NEIGHBOURS = 12
_PORTS = [6881, 25401]
_NAMES = [
    "router.bittorrent.com",
    "dht.transmissionbt.com",
    "router.utorrent.com",
    "dht.libtorrent.org",
    "dht.aelitis.com",
]


class DHTNetwork:
    """Stands once its nodes know each other."""

    def __init__(self, network: LocalNetwork, directory: Path):
        directory.mkdir()
        addresses = [f"10.{200 + node % 4}.{node}.1" for node in range(COUNT)]
        host = network.host(ipv4=False, further=addresses)
        hosts = directory / "hosts"
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {name}" for address, name in zip(addresses, _NAMES)]
        hosts.write_text("\n".join(lines) + "\n")
        # The mount namespace is that of the tests: only what they start sees it.
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        self._process = Process(
            host.command([sys.executable, str(Path(__file__)), *addresses]),
            directory / "dht.log",
        )

    def wait_until_up(self) -> None:
        def stands() -> bool:
            require_running(self._process)
            return "ready" in self._process.log()

        wait_until(stands, 60, "DHT", interval=0.2)

    def stop(self) -> None:
        self._process.kill()
        subprocess.run(["umount", "/etc/hosts"], check=False)


def run(addresses: list[str]) -> None:
    sessions = []
    for address in addresses:
        listen = ",".join(f"{address}:{port}" for port in _PORTS)
        sessions.append(
            libtorrent.session(
                {
                    "listen_interfaces": listen,
                    "outgoing_interfaces": address,
                    "enable_dht": True,
                    "enable_lsd": False,
                    "enable_upnp": False,
                    "enable_natpmp": False,
                    "dht_bootstrap_nodes": "",
                    "dht_restrict_routing_ips": False,
                    "dht_restrict_search_ips": False,
                    "alert_mask": 0,
                }
            )
        )
    for number, session in enumerate(sessions):
        # The others of its ring: by bootstrapping alone, minutes would go by until all are known.
        for step in range(1, _NEIGHBOURS + 1):
            session.add_dht_node((addresses[(number + step) % len(addresses)], _PORTS[0]))
    while min(session.status().dht_nodes for session in sessions) < 8:
        time.sleep(0.5)
    print("ready", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    run(sys.argv[1:])
