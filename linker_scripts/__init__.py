"""Linker scripts: the vendor's own, edited by two numbers and extended by the sandboxes' sections."""
