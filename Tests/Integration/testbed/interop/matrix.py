"""All cells, several at a time, and what came of them as a table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed

from ..clients.aria2 import Aria2
from ..clients.client import Client
from ..clients.libtorrent import Libtorrent
from ..clients.qbittorrent import QBittorrent
from ..clients.rtorrent import Rtorrent
from ..clients.transmission import Transmission
from .bed import Bed
from .cells import Cell, Outcome, Role
from .rows import ROWS, WEB_SEED, Row

CLIENTS: list[type[Client]] = [Libtorrent, Transmission, Aria2, Rtorrent, QBittorrent]
_AT_A_TIME = 8
"""Most of them wait most of the time."""


class Matrix:
    """`names` restricts it to the cells whose names contain one of them."""

    def __init__(self, names: list[str]):
        self.outcomes: dict[str, Outcome] = {}
        self._cells = {
            cell.name: cell
            for row in ROWS
            for client in CLIENTS
            for role in Role
            if _reason(row, client, role) is None
            for cell in [Cell(row, client, role)]
            if not names or any(name in cell.name for name in names)
        }

    def run(self, bed: Bed, report) -> None:
        """`report` is called with a name and an outcome as soon as a cell has ended."""
        with ThreadPoolExecutor(_AT_A_TIME) as executor:
            futures = {
                executor.submit(cell.run, bed): name for name, cell in self._cells.items()
            }
            for future in as_completed(futures):
                name = futures[future]
                self.outcomes[name] = future.result()
                report(name, self.outcomes[name])

    def table(self) -> str:
        """What passed, as Markdown."""
        parts = []
        reasons: list[str] = []
        for role, title in (
            (Role.SEEDER, "Sluice reads from"),
            (Role.LEECHER, "Sluice seeds to"),
        ):
            rows = [[title, *(client.name for client in CLIENTS)]]
            rows += [
                [row.name, *(self._verdict(row, client, role, reasons) for client in CLIENTS)]
                for row in ROWS
                if not (row is WEB_SEED and role == Role.SEEDER)
            ]
            parts.append(_markdown(rows))
        notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
        return "\n\n".join([*parts, "\n".join(notes)]) + "\n"

    def _verdict(self, row: Row, client: type[Client], role: Role, reasons: list[str]) -> str:
        reason = _reason(row, client, role)
        if reason is not None:
            if reason not in reasons:
                reasons.append(reason)
            known = _of(row.fails, client, role) is not None
            return f"{'no' if known else '–'} ({reasons.index(reason) + 1})"
        outcome = self.outcomes.get(f"{row.name}/{client.name}/{role.value}")
        if outcome is None:
            return "not run"
        return "yes" if outcome.failure is None else "**no**"


def _reason(row: Row, client: type[Client], role: Role) -> str | None:
    """Why there is no such cell."""
    if row is WEB_SEED and role == Role.SEEDER:
        return "nginx is the seed"
    if reason := _of(row.cannot, client, role):
        return f"{client.name} {reason}"
    return _of(row.fails, client, role)


def _of(reasons: dict[str, str], client: type[Client], role: Role) -> str | None:
    return reasons.get(client.name) or reasons.get(f"{client.name}/{role.value}")


def _markdown(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(cells: list[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths))
        return "| " + " | ".join(padded) + " |"

    return "\n".join([line(rows[0]), line(["-" * width for width in widths]), *map(line, rows[1:])])
