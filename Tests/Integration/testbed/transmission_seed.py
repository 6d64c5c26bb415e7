"""A transmission-daemon that seeds, with a configuration directory of its own."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path

from .network import Network
from .processes import Process, TestbedError, require_running, wait_until
from .torrents import Torrent
from .tracker import Tracker

SEED_PORT = 6881
_SEEDING = 6


class TransmissionSeed:
    """Seeds `torrents` once it has verified their files and the tracker knows it."""

    def __init__(
        self,
        network: Network,
        tracker: Tracker,
        torrents: list[Torrent],
        directory: Path,
        settings: dict | None = None,
    ):
        self.address = network.take_swarm_address()
        self._tracker = tracker
        self._rpc_port = 9100 + int(self.address.rpartition(".")[2])
        self._session = ""
        configuration = directory / f"transmission-{self.address}"
        configuration.mkdir(parents=True)
        given = self._settings(configuration) | (settings or {})
        (configuration / "settings.json").write_text(json.dumps(given))
        self.process = Process(
            ["transmission-daemon", "--foreground", "--config-dir", str(configuration)],
            directory / f"transmission-{self.address}.log",
        )
        wait_until(self._answers, 15, "answer of transmission-daemon")
        for torrent in torrents:
            self.call(
                "torrent-add",
                {
                    "metainfo": base64.b64encode(torrent.metainfo.read_bytes()).decode(),
                    "download-dir": str(torrent.data),
                },
            )
        wait_until(lambda: self._seeds_all(len(torrents)), 120, "verified seed", interval=0.2)
        wait_until(
            lambda: all(tracker.knows(each.info_hash, self.address) for each in torrents),
            30,
            "announce of the transmission seed",
        )

    def call(self, method: str, arguments: dict) -> dict:
        """One call of its RPC; the session id comes with the first refusal."""
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            request = urllib.request.Request(
                f"http://127.0.0.1:{self._rpc_port}/transmission/rpc",
                body,
                {"X-Transmission-Session-Id": self._session},
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    reply = json.load(response)
                if reply["result"] != "success":
                    raise TestbedError(f"transmission {method}: {reply['result']}")
                return reply["arguments"]
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
                self._session = error.headers["X-Transmission-Session-Id"]
        raise TestbedError("transmission gives no session id")

    def stop(self) -> None:
        self.process.kill()
        self._tracker.remove_peer(self.address)

    def _answers(self) -> bool:
        require_running(self.process)
        try:
            self.call("session-get", {})
            return True
        except urllib.error.URLError:
            return False

    def _seeds_all(self, count: int) -> bool:
        torrents = self.call("torrent-get", {"fields": ["status", "errorString", "leftUntilDone"]})
        return len(torrents["torrents"]) == count and all(
            torrent["status"] == _SEEDING and torrent["leftUntilDone"] == 0
            for torrent in torrents["torrents"]
        )

    def _settings(self, configuration: Path) -> dict:
        return {
            "bind-address-ipv4": self.address,
            "cache-size-mb": 4,
            "dht-enabled": False,
            "download-dir": str(configuration),
            "encryption": 0,
            "lpd-enabled": False,
            "message-level": 2,
            "peer-port": SEED_PORT,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rename-partial-files": False,
            "rpc-authentication-required": False,
            "rpc-bind-address": "127.0.0.1",
            "rpc-enabled": True,
            "rpc-port": self._rpc_port,
            "rpc-whitelist-enabled": False,
            "scrape-paused-torrents-enabled": False,
            "upload-slots-per-torrent": 14,
            "utp-enabled": False,
        }
