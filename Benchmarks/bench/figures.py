"""How a figure is printed: `name  value  goal  ok|short`."""

from __future__ import annotations

import os
import sys

ROUNDS = int(os.environ.get("ROUNDS", "3"))


def at_least(name: str, value: float, goal: float | None) -> None:
    _print(name, value, ">=", goal, goal is None or value >= goal)


def at_most(name: str, value: float, goal: float | None) -> None:
    _print(name, value, "<=", goal, goal is None or value <= goal)


def note(text: str) -> None:
    """What a reader of the figures should know; not a figure."""
    print(text, file=sys.stderr, flush=True)


def _print(name: str, value: float, sign: str, goal: float | None, reached: bool) -> None:
    shown = "-" if goal is None else sign + _number(goal)
    print(f"{name}  {_number(value)}  {shown}  {'ok' if reached else 'short'}", flush=True)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
