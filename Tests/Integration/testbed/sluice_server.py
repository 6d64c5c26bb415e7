"""Sluice, the server under test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .network import SERVER_ADDRESS, Network
from .nfs_server import NFSServer
from .processes import TestbedError, wait_until
from .torrents import Torrent

REPOSITORY = Path(__file__).resolve().parents[3]


def program(configuration: str = "debug") -> Path:
    """The built program; `SLUICE` in the environment names another one."""
    path = Path(os.environ.get("SLUICE", REPOSITORY / ".build" / configuration / "sluice"))
    if not path.exists():
        raise TestbedError(f"{path} is not built")
    return path


@dataclass
class Route:
    """One directory below the export: torrents by path, folders of them, and magnet links."""

    name: str
    torrents: list[Torrent | Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    magnets: list[str] = field(default_factory=list)
    served: list[dict] = field(default_factory=list)
    """Entries of `serve_folder`, with their options."""
    pin: bool | list[str] = False
    cache_size: int = 0
    """Bytes of the cache that it may have; 0 for all."""


class SluiceServer(NFSServer):
    """Configured for one test; state, configuration and log lie in `directory`.

    Peers are found by trackers alone, unless `settings` say otherwise.
    """

    peer_port = 6881

    def __init__(
        self,
        network: Network,
        directory: Path,
        routes: list[Route],
        settings: dict | None = None,
        environment: dict[str, str] | None = None,
    ):
        """`settings` are further ones of config.yaml; a section replaces its keys one by one."""
        super().__init__(network, directory)
        self._environment = [f"{name}={value}" for name, value in (environment or {}).items()]
        self._executable = program(os.environ.get("SLUICE_CONFIGURATION", "debug"))
        self.configuration = directory / "config.yaml"
        self.state = directory / "state"
        exports = directory / "exports"
        exports.write_text(f"{self.export} *(ro,insecure)\n")
        # JSON is YAML, and needs no quoting rules of its own.
        written = self._settings(routes, exports)
        for key, value in (settings or {}).items():
            if isinstance(value, dict):
                written[key] = written.get(key, {}) | value
            else:
                written[key] = value
        self.configuration.write_text(json.dumps(written, indent=2))

    def arguments(self) -> list[str]:
        served = [str(self._executable), "serve", "--config", str(self.configuration)]
        return ["env", *self._environment, *served] if self._environment else served

    def start(self, timeout: float = 30) -> float:
        """As every server; clients that ask port 111 for the ports find them, too."""
        registrations = self._registrations() if self.process else 0
        seconds = super().start(timeout)
        wait_until(lambda: self._registrations() > registrations, timeout, "rpcbind registration")
        return seconds

    def set_routes(self, routes: list[Route]) -> None:
        """Gives a server that runs other routes."""
        settings = json.loads(self.configuration.read_text())
        settings["routes"] = [_written(route) for route in routes]
        self.configuration.write_text(json.dumps(settings, indent=2))
        self.reload()

    def reload(self) -> None:
        """Lets it take what is written in its configuration."""
        before = self.log().count("reloaded routes")
        self.process.signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("reloaded routes") > before, 10, "reload")

    def served_magnets(self) -> dict[str, str]:
        """What `sluice magnets` says: the link of each served folder that is hashed, by its path."""
        command = [str(self._executable), "magnets", "--config", str(self.configuration)]
        output = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
        return {path: magnet for magnet, path in (line.split("\t") for line in output.splitlines())}

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs another command of the program with this server's configuration."""
        command = [str(self._executable), *arguments, "--config", str(self.configuration)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def clients(self) -> list[dict]:
        """What `sluice clients --json` says."""
        return json.loads(self.command("clients", "--json").stdout)

    def _registrations(self) -> int:
        log = self.log()
        return log.count("registered with rpcbind") + log.count("portmapper started")

    def path(self, route: str, torrent: Torrent, file: str | None = None) -> str:
        """Where a torrent's file lies below the export."""
        parts = [route, torrent.name]
        if not torrent.single_file and file is not None:
            parts.append(file)
        return "/".join(parts)

    def _settings(self, routes: list[Route], exports: Path) -> dict:
        return {
            "state_directory": str(self.state),
            "folder_scan_seconds": 1,
            "nfs": {"address": "0.0.0.0", "port": self.port, "exports": str(exports)},
            "dht": {"enabled": False},
            "local_discovery": False,
            "bittorrent": {
                "address": SERVER_ADDRESS,
                "port": self.peer_port,
                "port_mapping": False,
            },
            "routes": [_written(route) for route in routes],
        }


def _written(route: Route) -> dict:
    """The route as config.yaml has it."""
    torrents = [{"torrent_path": str(getattr(each, "metainfo", each))} for each in route.torrents]
    return {
        "name": route.name,
        "torrents": torrents
        + [{"torrent_folder": str(folder)} for folder in route.folders]
        + [{"magnet": magnet} for magnet in route.magnets]
        + route.served,
        "pin": route.pin,
        "cache_size": route.cache_size,
    }
