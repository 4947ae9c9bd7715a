"""For all tests: property tests are the same in every run and have no deadline (machines differ, and are shared)."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
gc.set_threshold(50_000, 10, 10)  # as the command line does (toolchain/cli.py): terms and instructions live long
