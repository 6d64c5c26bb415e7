"""A program: one libtorrent session that seeds, or downloads and says how long that took.

Its argument is a JSON object: `torrents` (pairs of .torrent file and data directory), `address`
(in brackets if it is of IPv6), `port`, `upload_limit` (bytes a second, 0 for none), `seed` (otherwise
it downloads), and if need be `checks` (what it seeds is hashed first), `magnets` (pairs of link and
data directory), `peers` to dial (pairs of address and port), `peer_exchange` (default true),
`download_limit` and `torrent_upload_limit` (bytes a second for each torrent), `report` (prints
`moved UP DOWN`, payload bytes so far, twice a second) and `session`, settings of libtorrent by their
names. It prints `ready`, and `complete SECONDS` (counted from the first byte) once everything is
there. Runs with any libtorrent from 2.0 and imports nothing else of the test bed.
"""

import json
import os
import sys
import threading
import time

import libtorrent


def main(settings: dict) -> None:
    session = libtorrent.session(
        {
            "listen_interfaces": f"{settings['address']}:{settings['port']}",
            "outgoing_interfaces": settings["address"].strip("[]"),
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_outgoing_utp": False,
            "enable_incoming_utp": False,
            "allow_multiple_connections_per_ip": True,
            "upload_rate_limit": settings["upload_limit"],
            "unchoke_slots_limit": 100,
            "send_buffer_watermark": 3 << 20,
            "send_buffer_watermark_factor": 150,
            "max_out_request_queue": 1000,
            "max_allowed_in_request_queue": 4000,
            "alert_mask": 0,
            **settings.get("session", {}),
        }
    )
    # Private addresses are exempt from the rate limits, unless they belong to the one class of all.
    everybody = libtorrent.ip_filter()
    for first, last in [("0.0.0.0", "255.255.255.255"), ("::", "ffff" + 7 * ":ffff")]:
        everybody.add_rule(first, last, 1 << libtorrent.session.global_peer_class_id)
    session.set_peer_class_filter(everybody)
    flags = libtorrent.torrent_flags.default_flags
    if not settings.get("peer_exchange", True):
        flags |= libtorrent.torrent_flags.disable_pex
    handles = []
    for metainfo, data in settings["torrents"]:
        parameters = libtorrent.add_torrent_params()
        parameters.ti = libtorrent.torrent_info(metainfo)
        parameters.save_path = data
        parameters.flags = flags
        if settings["seed"] and not settings.get("checks"):
            parameters.flags |= libtorrent.torrent_flags.seed_mode
        elif not settings["seed"]:
            os.makedirs(data, exist_ok=True)
        handles.append(session.add_torrent(parameters))
    for magnet, data in settings.get("magnets", []):
        parameters = libtorrent.parse_magnet_uri(magnet)
        parameters.flags = flags
        parameters.save_path = data
        os.makedirs(data, exist_ok=True)
        handles.append(session.add_torrent(parameters))
    for handle in handles:
        handle.set_download_limit(settings.get("download_limit", 0))
        handle.set_upload_limit(settings.get("torrent_upload_limit", 0))
        for address, port in settings.get("peers", []):
            handle.connect_peer((address, port))
    print("ready", flush=True)
    if settings.get("report"):
        threading.Thread(target=report, args=[handles], daemon=True).start()
    first_byte = None
    while settings["seed"] or not all(handle.status().is_seeding for handle in handles):
        if first_byte is None and any(handle.status().total_payload_download for handle in handles):
            first_byte = time.monotonic()
        time.sleep(0.25 if settings["seed"] else 0.02)
    print("complete", time.monotonic() - (first_byte or time.monotonic()), flush=True)
    while True:
        time.sleep(1)


def report(handles: list) -> None:
    while True:
        states = [handle.status() for handle in handles]
        up = sum(state.total_payload_upload for state in states)
        down = sum(state.total_payload_download for state in states)
        print("moved", up, down, flush=True)
        time.sleep(0.5)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
