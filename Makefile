# The commands of the README. Builds themselves are SCons's business (examples/*/SConstruct).

PYTHON := .venv/bin/python
SCONS := .venv/bin/scons
PYTEST_JOBS ?= 2

# `make mutation COUNT=1000` and `make fuzz SEQUENCES=100000` take long; a small part of both is in `make test`.
COUNT ?= 400
SEQUENCES ?= 100000
DECODER := examples/image_decoder/build/firmware

.PHONY: help setup demo test mutation fuzz clean

help:
	@echo "make demo    build examples/image_decoder with SCons, certify it, run it in QEMU"
	@echo "make test    style checks and the whole test suite"
	@echo "make mutation  mutants of the certified image decoder: each is rejected or runs without an escape"
	@echo "make fuzz    random code that the verifier accepts runs under a monitor"
	@echo "make setup   only install what is missing (demo and test do so first)"
	@echo "make clean   remove what builds made; .venv stays"

setup:
	@scripts/setup.sh

demo: setup
	@$(PYTHON) examples/demo.py

test: setup
	@$(PYTHON) -m pytest -q -n $(PYTEST_JOBS)

mutation: setup
	@$(SCONS) -C examples/image_decoder -Q > build/mutation-build.log || { cat build/mutation-build.log; exit 1; }
	@PYTHONPATH=tests $(PYTHON) -m support.mutation_run $(DECODER).elf --policy $(DECODER).policy.json \
	    --map $(DECODER).map.json --count $(COUNT)

fuzz: setup
	@RINGFENCE_FUZZ_SEQUENCES=$(SEQUENCES) $(PYTHON) -m pytest -q -s tests/verify/test_acceptance_fuzz.py

clean:
	rm -rf build examples/*/build examples/*/ringfence .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -print | xargs rm -rf
	rm -f .sconsign.dblite examples/*/.sconsign.dblite examples/*/.lock
