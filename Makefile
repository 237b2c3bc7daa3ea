# Every target sets up what it needs: a virtual environment in .venv, with uv where it is installed, else venv and pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

ifdef UV
  MAKE_VENV = $(UV) venv --quiet --python "$(PYTHON)" $(VENV)
  INSTALL   = $(UV) pip install --quiet --python $(BIN)/python
else
  MAKE_VENV = "$(PYTHON)" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
  INSTALL   = $(BIN)/python -m pip install --quiet
endif

.PHONY: demo test test-torch test-executors check unit simulate fuzz format bench bench-cache bench-durable bench-groups bench-pool bench-truth docs clean

demo: $(VENV)/.installed
	@$(BIN)/python examples/demo.py

test: $(VENV)/.tested
	@$(BIN)/python -m pytest -n auto --dist loadgroup

# The tests that need torch, which is too large for everybody: 900 MB.
# TORCH="torch==... --index-url ..." names another build.
TORCH ?= torch==2.13.0

test-torch: $(VENV)/.torched
	@$(BIN)/python -m pytest -q tests/unit/ext/test_torch_values.py

# The tests of executors of other packages: Dask, MPI, loky, executorlib; MPI's own programs come with the wheel.
test-executors: $(VENV)/.executors
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n auto --dist loadfile tests/integration/executors
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q tests/acceptance/test_docs.py -k executors

# What must be green at each commit: format, lint, types, layers, declared dependencies, unit and property tests.
check: $(VENV)/.checked
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry src
	@$(BIN)/python -m pytest -q -n auto tests/architecture tests/unit tests/property

unit: $(VENV)/.tested
	@$(BIN)/python -m pytest -q tests/unit

# Whole runs from seeds, in virtual time; ARGS="--seeds 10000" plays more, ARGS="--seed 7" tells one.
simulate: $(VENV)/.installed
	@$(BIN)/python -m weftline.testing.simulation $(ARGS)

# Spoilt manifests, for ten minutes; ARGS="--seed 7 --only" looks at one alone.
fuzz: $(VENV)/.tested
	@$(BIN)/python -m tests.property.manifest_fuzz --minutes 10 $(ARGS)

format: $(VENV)/.checked
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.installed
	@$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-cache: $(VENV)/.installed
	@$(BIN)/python benchmarks/cache.py $(ARGS)

bench-durable: $(VENV)/.installed
	@$(BIN)/python benchmarks/durable.py $(ARGS)

bench-groups: $(VENV)/.installed
	@$(BIN)/python benchmarks/groups.py $(ARGS)

bench-pool: $(VENV)/.installed
	@$(BIN)/python benchmarks/pool.py $(ARGS)

bench-truth: $(VENV)/.installed
	@$(BIN)/python benchmarks/truth.py $(ARGS)

docs: $(VENV)/.documented
	@$(BIN)/python docs/reference/generate.py
	@$(BIN)/mkdocs build --quiet --strict
	@echo "the pages are in site/"

clean:
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "weftline needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12"; exit 4; }
	@test -x $(BIN)/python || { echo "setting up $(VENV)"; $(MAKE_VENV); }
	@$(INSTALL) -e ".[documents]"
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@$(INSTALL) --group test
	@touch $@

$(VENV)/.torched: $(VENV)/.tested
	@$(INSTALL) pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@touch $@

$(VENV)/.executors: $(VENV)/.tested
	@$(INSTALL) --group executors
	@touch $@

$(VENV)/.checked: $(VENV)/.tested
	@$(INSTALL) --group check
	@touch $@

$(VENV)/.documented: $(VENV)/.installed
	@$(INSTALL) --group docs
	@touch $@
