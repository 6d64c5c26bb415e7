"""libtorrent (rasterbar), by Debian's bindings for Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import libtorrent

from .client import PEER_PORT, Client, Encryption

_PROGRAM = Path(__file__).parents[1] / "libtorrent_session.py"
_POLICIES = {
    Encryption.REFUSED: libtorrent.enc_policy.disabled,
    Encryption.OFFERED: libtorrent.enc_policy.enabled,
    Encryption.REQUIRED: libtorrent.enc_policy.forced,
}


class Libtorrent(Client):
    name = "libtorrent"
    package = "python3-libtorrent"

    def arguments(self) -> list[str]:
        task, switches = self.task, self.switches
        policy = int(_POLICIES[switches.encryption])
        level = "rc4" if switches.encryption == Encryption.REQUIRED else "both"
        given = {
            "torrents": [] if task.magnet else [[str(task.source), str(task.data)]],
            "magnets": [[task.magnet, str(task.data)]] if task.magnet else [],
            "address": self.host.bracketed,
            "port": PEER_PORT,
            "upload_limit": 0,
            "seed": task.seeds,
            "peer_exchange": switches.peer_exchange,
            "download_limit": switches.download_limit,
            "session": {
                "out_enc_policy": policy,
                "in_enc_policy": policy,
                "allowed_enc_level": int(getattr(libtorrent.enc_level, level)),
                "enable_outgoing_utp": switches.utp,
                "enable_incoming_utp": switches.utp,
                "enable_dht": switches.dht,
                "dht_bootstrap_nodes": "router.bittorrent.com:6881",
                "enable_lsd": switches.local_discovery,
            },
        }
        return [sys.executable, str(_PROGRAM), json.dumps(given)]

    def is_complete(self) -> bool:
        return "complete" in self.process.log()
