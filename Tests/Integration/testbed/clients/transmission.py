"""transmission-daemon, by its RPC."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from ..processes import TestbedError
from .client import PEER_PORT, Client, Encryption, HTTPControl

_RPC_PORT = 9091
_ENCRYPTION = {Encryption.REFUSED: 0, Encryption.OFFERED: 1, Encryption.REQUIRED: 2}


class Transmission(Client):
    name = "Transmission"
    package = "transmission-daemon"

    def arguments(self) -> list[str]:
        configuration = self.directory / "configuration"
        configuration.mkdir()
        (configuration / "settings.json").write_text(json.dumps(self._settings()))
        self._control = HTTPControl(self, _RPC_PORT)
        self._session = ""
        return ["transmission-daemon", "--foreground", "--config-dir", str(configuration)]

    def begin(self) -> None:
        self._control.wait_until_up()
        given = {"download-dir": str(self.task.data)}
        if self.task.magnet:
            given["filename"] = self.task.magnet
        else:
            metainfo = Path(self.task.source).read_bytes()
            given["metainfo"] = base64.b64encode(metainfo).decode()
        self._call("torrent-add", given)

    def is_complete(self) -> bool:
        fields = ["leftUntilDone", "metadataPercentComplete", "sizeWhenDone"]
        torrents = self._call("torrent-get", {"fields": fields})["torrents"]
        return bool(torrents) and all(
            each["metadataPercentComplete"] == 1
            and each["sizeWhenDone"] > 0
            and each["leftUntilDone"] == 0
            for each in torrents
        )

    def _call(self, method: str, given: dict) -> dict:
        """One call of the RPC; the session id comes with the first refusal."""
        body = json.dumps({"method": method, "arguments": given}).encode()
        for _ in range(2):
            headers = {"X-Transmission-Session-Id": self._session}
            response = self._control.call("/transmission/rpc", body, headers)
            answer = response.read()
            if response.status != 409:
                break
            self._session = response.headers["X-Transmission-Session-Id"]
        reply = json.loads(answer)
        if reply["result"] != "success":
            raise TestbedError(f"transmission {method}: {reply['result']}")
        return reply["arguments"]

    def _settings(self) -> dict:
        switches = self.switches
        return {
            "cache-size-mb": 1,
            "dht-enabled": switches.dht,
            "download-dir": str(self.task.data),
            "encryption": _ENCRYPTION[switches.encryption],
            "lpd-enabled": switches.local_discovery,
            "message-level": 3,
            "peer-port": PEER_PORT,
            "pex-enabled": switches.peer_exchange,
            "port-forwarding-enabled": False,
            "rename-partial-files": False,
            "rpc-authentication-required": False,
            "rpc-bind-address": "127.0.0.1",
            "rpc-enabled": True,
            "rpc-port": _RPC_PORT,
            "rpc-whitelist-enabled": False,
            "scrape-paused-torrents-enabled": False,
            "speed-limit-down": switches.download_limit // 1000,
            "speed-limit-down-enabled": switches.download_limit > 0,
            "utp-enabled": switches.utp,
        }
