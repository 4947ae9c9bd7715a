# The commands of the README. Builds themselves are SCons's business (examples/*/SConstruct).

PYTHON := .venv/bin/python
SCONS := .venv/bin/scons
PYTEST_JOBS ?= 2

# These take long, a small part of each is in `make test` (docs/testing.md): random mutants of each program (and every
# retargeted branch), functions that must be accepted, seconds for each kind of input.
COUNT ?= 1000
SEQUENCES ?= 100000
SECONDS ?= 120
SEED ?= 1
DECODER := examples/image_decoder/build/firmware

.PHONY: help setup demo test test-long bench attacks mutation fuzz fuzz-inputs clean

help:
	@echo "make demo    build examples/image_decoder with SCons, certify it, run it in QEMU"
	@echo "make test    style checks and the whole test suite"
	@echo "make test-long  the tests that make test leaves out: further combinations of what it runs (docs/testing.md)"
	@echo "make bench   what sandboxing costs, on real programs: build/bench/results.json and plots"
	@echo "make attacks  every attack in QEMU, plain and sandboxed: build/attacks/results.json, docs/attacks.md"
	@echo "make mutation  mutants of certified code and policies: each is rejected or runs without an escape"
	@echo "make fuzz    random code that the verifier accepts runs under a monitor"
	@echo "make fuzz-inputs  damaged ELF files, policies, certificates: a verdict in time, never a traceback"
	@echo "make setup   only install what is missing (demo and test do so first)"
	@echo "make clean   remove what builds made; .venv stays"

setup:
	@scripts/setup.sh

demo: setup
	@$(PYTHON) examples/demo.py

test: setup
	@$(PYTHON) -m pytest -q -n $(PYTEST_JOBS) --dist worksteal

test-long: setup
	@$(PYTHON) -m pytest -q -n $(PYTEST_JOBS) --dist worksteal -m long

# BENCH="--program crc --level -O2" measures only that.
bench: setup
	@PYTHONPATH=tests $(PYTHON) -m bench.run --jobs $(PYTEST_JOBS) $(BENCH)
	@if [ -z "$(BENCH)" ] && [ -e tests/bench/verifier_speed.py ]; then \
	    PYTHONPATH=tests $(PYTHON) -m bench.gate_cost && PYTHONPATH=tests $(PYTHON) -m bench.verifier_speed; fi

attacks: setup
	@$(PYTHON) examples/attack_suite.py

mutation: setup
	@$(SCONS) -C examples/image_decoder -Q > build/mutation-build.log || { cat build/mutation-build.log; exit 1; }
	@PYTHONPATH=tests $(PYTHON) -m support.mutation_run $(DECODER).elf --policy $(DECODER).policy.json \
	    --map $(DECODER).map.json --count $(COUNT) --seed $(SEED)

fuzz: setup
	@PYTHONPATH=tests $(PYTHON) -m support.acceptance --accepted $(SEQUENCES) --seed $(SEED)

# Guided by coverage where atheris can be installed (it has wheels for few versions of Python), else by mutation alone.
fuzz-inputs: setup
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/fuzz-requirements.txt || echo "without atheris"
	@guided=$$($(PYTHON) -c "import atheris" 2> build/fuzz-inputs.log && echo _guided); \
	for target in elf policy certificate packed debug; do \
	    PYTHONPATH=tests $(PYTHON) -m support.input_fuzz$$guided $$target --seconds $(SECONDS) --seed $(SEED) || exit 1; \
	done

clean:
	rm -rf build examples/*/build examples/*/ringfence .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -print | xargs rm -rf
	rm -f .sconsign.dblite examples/*/.sconsign.dblite examples/*/.lock
