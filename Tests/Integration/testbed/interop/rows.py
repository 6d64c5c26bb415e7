"""What two clients can do with each other: the rows of the matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..clients.client import Encryption, Switches


class Tracker(Enum):
    NONE = "none"
    HTTP = "http"
    UDP = "udp"


@dataclass(frozen=True)
class Row:
    """How a torrent gets from one to the other; everything else is off or blocked."""

    name: str
    explanation: str
    switches: Switches = Switches()
    server: dict = field(default_factory=dict)
    """Settings of config.yaml."""
    tracker: Tracker = Tracker.HTTP
    version: str = "v1"
    ipv6: bool = False
    magnet: bool = False
    """Whoever downloads has a magnet link alone."""
    leecher_waits: bool = False
    """Who leeches is there before Sluice, which announces what is read."""
    blocked: tuple[str, ...] = ()
    """Protocols that do not pass to or from the port for peers."""
    seconds: float = 90
    """Until a cell counts as failed, on a slow machine."""
    cannot: dict[str, str] = field(default_factory=dict)
    """Why a client cannot do this, by its name, or by its name and role."""
    fails: dict[str, str] = field(default_factory=dict)
    """What is known not to work and is not tried, likewise."""


_NO_VERSION_2 = "knows torrents of version 1 alone"

PEER_EXCHANGE = Row(
    "peer exchange",
    "Who seeds downloads slowly, and tells Sluice of the one that has everything; who leeches "
    "is told of that one by Sluice, and dials it.",
    Switches(peer_exchange=True, download_limit=16 << 10),
    seconds=200,
)
WEB_SEED = Row(
    "web seed",
    "Sluice has everything from nginx alone (BEP 19), and gives it to who leeches.",
    tracker=Tracker.HTTP,
)

ROWS = [
    PEER_EXCHANGE,
    Row(
        "DHT",
        "No tracker: a DHT of 24 nodes, entered by the names that programs know of themselves.",
        Switches(dht=True),
        {"dht": {"enabled": True}},
        tracker=Tracker.NONE,
        seconds=180,
        cannot={"rtorrent/leecher": "misreads the addresses that DHT nodes answer with"},
    ),
    Row(
        "local discovery",
        "No tracker: multicast on the local network (BEP 14).",
        Switches(local_discovery=True),
        {"local_discovery": True},
        tracker=Tracker.NONE,
        leecher_waits=True,
        seconds=120,
        cannot={"rtorrent": "knows no local discovery"},
    ),
    Row(
        "TCP",
        "Over TCP and without encryption, found by an HTTP tracker, as in all rows that say "
        "nothing else.",
        Switches(Encryption.OFFERED),
        {"bittorrent": {"encryption": "disable"}},
        blocked=("udp",),
    ),
    Row(
        "uTP",
        "Over uTP, because TCP does not get through (BEP 29).",
        Switches(utp=True),
        blocked=("tcp",),
        cannot={"aria2": "speaks no uTP", "rtorrent": "speaks no uTP"},
    ),
    Row(
        "encryption, forced there",
        "The other client insists on encryption; Sluice leaves the choice.",
        Switches(Encryption.REQUIRED),
    ),
    Row(
        "encryption, forced here",
        "Sluice insists on encryption; the other client leaves the choice.",
        Switches(Encryption.OFFERED),
        {"bittorrent": {"encryption": "require"}},
    ),
    Row("magnet link", "Who downloads has a magnet link alone.", magnet=True),
    Row("UDP tracker", "Found by a UDP tracker (BEP 15).", tracker=Tracker.UDP),
    WEB_SEED,
    Row("IPv6", "Hosts without an IPv4 address, an HTTP tracker over IPv6.", ipv6=True),
    Row(
        "hybrid torrent",
        "A torrent of versions 1 and 2 (BEP 52).",
        version="hybrid",
        cannot={
            "Transmission": "takes no hybrid torrent",
            "aria2": "reckons another info-hash for a hybrid torrent",
        },
    ),
    Row(
        "version 2 torrent",
        "A torrent of version 2 alone (BEP 52).",
        version="v2",
        cannot={
            "Transmission": _NO_VERSION_2,
            "aria2": _NO_VERSION_2,
            "rtorrent": _NO_VERSION_2,
        },
    ),
]
"""Those that wait longest come first."""
