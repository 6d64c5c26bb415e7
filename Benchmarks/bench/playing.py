"""What a player does that jumps about in a film, the same for whatever it reads from.

Imports nothing, since it also runs with the Python of `deadline_reader.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

LATE = 0.05
"""Seconds that a piece may come too late before it counts as a stall."""


@dataclass(frozen=True)
class Position:
    """One jump and what was played after it, in seconds."""

    latency: float
    """Until the first whole piece at the new place was there, and verified."""
    stalled: float
    played: float


def play(source, positions: list[int], pieces: int, seconds_a_piece: float) -> list[Position]:
    """Jumps to each of `positions` (numbers of pieces) and plays `pieces` more at the bit rate.

    `source.seek(piece)` says where reading goes on, `source.wait(piece)` returns when that piece is
    there. The clock of the player stands still while it stalls.
    """
    return [_play_at(source, first, pieces, seconds_a_piece) for first in positions]


def _play_at(source, first: int, pieces: int, seconds_a_piece: float) -> Position:
    began = time.monotonic()
    source.seek(first)
    source.wait(first)
    due = time.monotonic()
    latency, stalled = due - began, 0.0
    for piece in range(first + 1, first + 1 + pieces):
        due += seconds_a_piece
        time.sleep(max(0.0, due - time.monotonic()))
        asked = time.monotonic()
        source.wait(piece)
        waited = time.monotonic() - asked
        if waited > LATE:
            stalled += waited
            due += waited
    return Position(latency, stalled, pieces * seconds_a_piece)
