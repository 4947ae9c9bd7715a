"""The ARMv7-M instruction set: rows of bit pictures, each with one semantic function over terms."""
