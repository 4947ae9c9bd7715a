"""For all tests: property tests are the same in every run and have no deadline (machines differ, and are shared)."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
