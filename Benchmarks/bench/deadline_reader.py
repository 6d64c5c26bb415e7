"""A program: libtorrent as a streaming engine, its deadlines and a player, nothing between.

Its argument is a JSON object: `torrent`, `data` (a directory), `address` and `port` of its own,
`peers` (pairs of address and port), and `positions`, `pieces` and `rate` (bytes a second) of the
player. Prints `played` and an array of [latency, stalled, played], in seconds. Runs with any
libtorrent from 2.0.
"""

import json
import os
import sys
import time

import libtorrent
from playing import play

_WINDOW = 16
"""Pieces ahead of the player that have a deadline; all others have priority 0."""
_TIMEOUT = 25
_POLL = 0.005


class DeadlineSource:
    def __init__(self, handle, pieces: int, seconds_a_piece: float):
        self._handle = handle
        self._pieces = pieces
        self._seconds_a_piece = seconds_a_piece

    def seek(self, piece: int) -> None:
        self._handle.clear_piece_deadlines()
        self._handle.prioritize_pieces([0] * self._pieces)

    def wait(self, piece: int) -> None:
        for ahead in range(min(_WINDOW, self._pieces - piece)):
            if not self._handle.have_piece(piece + ahead):
                deadline = int(ahead * self._seconds_a_piece * 1000)
                self._handle.set_piece_deadline(piece + ahead, deadline)
        began = time.monotonic()
        while not self._handle.have_piece(piece):
            if time.monotonic() - began > _TIMEOUT:
                return
            time.sleep(_POLL)


def main(settings: dict) -> None:
    session = libtorrent.session(
        {
            "listen_interfaces": f"{settings['address']}:{settings['port']}",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_incoming_utp": False,
            "enable_outgoing_utp": False,
            # Between two jumps it wants nothing for a moment, and would leave its peers.
            "close_redundant_connections": False,
            # The proxies count blocks, so they have to see them.
            "out_enc_policy": 2,
            "in_enc_policy": 2,
            "alert_mask": 0,
        }
    )
    session.set_peer_class_filter(libtorrent.ip_filter())
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(settings["torrent"])
    parameters.save_path = settings["data"]
    parameters.flags &= ~libtorrent.torrent_flags.auto_managed
    parameters.flags &= ~libtorrent.torrent_flags.paused
    count, length = parameters.ti.num_pieces(), parameters.ti.piece_length()
    parameters.piece_priorities = [0] * count
    os.makedirs(settings["data"], exist_ok=True)
    handle = session.add_torrent(parameters)
    for address, port in settings["peers"]:
        handle.connect_peer((address, port))
    seconds_a_piece = length / settings["rate"]
    source = DeadlineSource(handle, count, seconds_a_piece)
    played = play(source, settings["positions"], settings["pieces"], seconds_a_piece)
    print("played", json.dumps([[at.latency, at.stalled, at.played] for at in played]), flush=True)
    # Tearing a session down takes its time, and nobody waits for it.
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
