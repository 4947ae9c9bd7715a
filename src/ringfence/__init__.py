"""Ringfence: software fault isolation for ARM microcontroller firmware, with the output proved."""

__version__ = "0.1.0"
