"""qbittorrent-nox, by its Web API."""

from __future__ import annotations

import uuid
from pathlib import Path

from ..processes import TestbedError
from .client import PEER_PORT, Client, Encryption, HTTPControl

_WEB_PORT = 8080
_ENCRYPTION = {Encryption.OFFERED: 0, Encryption.REQUIRED: 1, Encryption.REFUSED: 2}


class QBittorrent(Client):
    name = "qBittorrent"
    package = "qbittorrent-nox"

    def arguments(self) -> list[str]:
        configuration = self.directory / "qBittorrent" / "config" / "qBittorrent.conf"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(self._configuration())
        self._control = HTTPControl(self, _WEB_PORT)
        return ["qbittorrent-nox", f"--profile={self.directory}", f"--webui-port={_WEB_PORT}"]

    def begin(self) -> None:
        self._control.wait_until_up()
        fields = {
            "savepath": str(self.task.data),
            "skip_checking": "true" if self.task.seeds else "false",
            "contentLayout": "Original",
        }
        if self.task.magnet:
            self._control.form("/api/v2/torrents/add", urls=self.task.magnet, **fields)
        else:
            self._upload(Path(self.task.source).read_bytes(), fields)

    def is_complete(self) -> bool:
        torrents = self._control.json("/api/v2/torrents/info")
        return bool(torrents) and all(
            each["total_size"] > 0 and each["amount_left"] == 0 for each in torrents
        )

    def logs(self) -> list[Path]:
        return [self.process.log_path, self.directory / "qBittorrent/data/logs/qbittorrent.log"]

    def _upload(self, metainfo: bytes, fields: dict[str, str]) -> None:
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        head = 'Content-Disposition: form-data; name="torrents"; filename="a.torrent"'
        parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: application/x-bittorrent\r\n\r\n")
        body = "".join(parts).encode() + metainfo + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        response = self._control.call("/api/v2/torrents/add", body, headers)
        answer = response.read()
        if response.status != 200 or answer != b"Ok.":
            raise TestbedError(f"qBittorrent adds no torrent: {response.status} {answer!r}")

    def _configuration(self) -> str:
        def switch(on: bool) -> str:
            return "true" if on else "false"

        switches = self.switches
        session = {
            "AddTorrentPaused": "false",
            "AnnounceToAllTrackers": "true",
            "BTProtocol": "Both" if switches.utp else "TCP",
            "DHTEnabled": switch(switches.dht),
            "DefaultSavePath": self.task.data,
            "Encryption": _ENCRYPTION[switches.encryption],
            "GlobalDLSpeedLimit": switches.download_limit // 1024,
            "IgnoreLimitsOnLAN": "false",
            "LSDEnabled": switch(switches.local_discovery),
            "PeXEnabled": switch(switches.peer_exchange),
            "Port": PEER_PORT,
            "QueueingSystemEnabled": "false",
            "uTPRateLimited": "true",
        }
        lines = ["[BitTorrent]"]
        lines += [f"Session\\{key}={value}" for key, value in session.items()]
        lines += ["[LegalNotice]", "Accepted=true", "[Network]", "PortForwardingEnabled=false"]
        lines += ["[Preferences]", "WebUI\\LocalHostAuth=false", "WebUI\\Address=127.0.0.1"]
        return "\n".join(lines) + "\n"
