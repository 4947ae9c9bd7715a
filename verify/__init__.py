"""The verifier: `kernel` is the trusted part, `prover` finds what the kernel checks, the rest is for people."""
