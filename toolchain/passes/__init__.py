"""The rewriting passes, in order: each takes a program and gives a new one, with counts of what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..program import Program
from ..request import RewriteRequest
from .calls import guard_calls
from .conditional import unconditional_control
from .dynamic import dynamic_frames
from .ends import end_functions
from .frame import static_frames
from .literals import reach_literals
from .returns import protect_returns
from .stores import guard_stores
from .switches import bound_switches

Pass = Callable[[Program, RewriteRequest], tuple[Program, "Counter[str]"]]

PASSES: tuple[Pass, ...] = (
    unconditional_control,
    end_functions,
    dynamic_frames,
    static_frames,
    protect_returns,
    guard_calls,
    bound_switches,
    reach_literals,
    guard_stores,
)
