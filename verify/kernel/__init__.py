"""The trusted computing base: standard library only, imports nothing from outside this folder."""
