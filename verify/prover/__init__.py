"""Untrusted: finds invariants and decides theorems. Nothing here can make the kernel accept what is unsafe."""
