"""Untrusted: finds invariants and proofs. Nothing here can make the kernel accept what is unsafe."""
