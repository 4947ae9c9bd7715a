# The commands of the README. Builds themselves are SCons's business (examples/*/SConstruct).

PYTHON := .venv/bin/python
SCONS := .venv/bin/scons
PYTEST_JOBS ?= 2

.PHONY: help setup demo test clean

help:
	@echo "make demo    build examples/image_decoder with SCons, certify it, run it in QEMU"
	@echo "make test    style checks and the whole test suite"
	@echo "make setup   only install what is missing (demo and test do so first)"
	@echo "make clean   remove what builds made; .venv stays"

setup:
	@scripts/setup.sh

demo: setup
	@$(PYTHON) examples/demo.py

test: setup
	@$(PYTHON) -m pytest -q -n $(PYTEST_JOBS)

clean:
	rm -rf build examples/*/build examples/*/ringfence .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -print | xargs rm -rf
	rm -f .sconsign.dblite examples/*/.sconsign.dblite examples/*/.lock
