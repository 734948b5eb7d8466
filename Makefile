# What contributors type and what .ci/run calls. PYTHON is the interpreter that has amlet and its [dev] extra.
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))
SPEC ?= ../shared/spec

.PHONY: check test bench surface

check:  ## format, lint, types, layers
	$(BIN)ruff format --check src tests benchmarks
	$(BIN)ruff check src tests benchmarks
	$(BIN)mypy
	$(BIN)lint-imports

test:  ## every test
	$(PYTHON) -m pytest -n 2

surface:  ## hold the azureml names against the facts of v1's surface
	$(PYTHON) $(SPEC)/surface_check.py --tier 1 --missing

bench:  ## measure; one JSON line a figure
	$(PYTHON) -m benchmarks

.PHONY: faults soak
MINUTES ?= 20

faults:  ## kill, freeze and starve everything at every stage; ends with a table
	$(PYTHON) -m pytest tests/integration/faults -m "every_fault or not every_fault" --timeout 1500

soak:  ## small runs in a loop; fails when memory or descriptors grow
	$(PYTHON) -m benchmarks.soak $(MINUTES)

.PHONY: curated-locks curated
NAMES ?=

curated-locks:  ## resolve the curated environments anew (NAMES: only these), under every Python at hand
	$(PYTHON) -m amlet.environments.curated.relock $(NAMES)

curated:  ## build every curated environment under every Python at hand, and fit a model in each
	$(PYTHON) -m pytest tests/integration/test_curated.py -m "every_fault or not every_fault"
