# Two commands do everything from a bare Python 3.11 with pip and make: `make demo` and `make test`.
# The environment is made without ensurepip (Debian ships it apart) and filled by the pip outside of it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
# The lock names every package, so nothing is resolved; hashes say that these are the bytes that were tested.
INSTALL := $(PIP) install --quiet --no-deps --require-hashes
JOBS   ?= 2

export DO_NOT_TRACK = 1
export MLFLOW_DISABLE_TELEMETRY = true
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.PHONY: demo test test-faults lint format lock benchmark pictures clean help

help:
	@echo "make demo   play the whole story (makes .venv on the first run)"
	@echo "make test   run every test"
	@echo "make test-faults  every failing call, kill, torn log and stopped server (an hour; make test runs a small share)"
	@echo "make lint   ruff, mypy --strict, import contracts"
	@echo "make lock   resolve requirements*.in anew (needs uv)"
	@echo "make benchmark  measure beside other libraries (minutes; BENCHMARK=--ours-1e8 and more: benchmarks/run.py)"
	@echo "make pictures  the pictures of docs/guides/officer.md (needs chromium)"
	@echo "make clean  remove the environment and what the demo wrote"

demo: $(VENV)/.runtime
	@$(BIN)/fairgate demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

# The same tests as in `make test`, with nothing left out; figures go to test-output/faults.md.
test-faults: $(VENV)/.dev
	rm -rf test-output/faults
	FAULTS=full $(BIN)/python -m pytest tests/faults -n $(JOBS) --dist load $(ARGS); \
	  status=$$?; $(BIN)/python tests/fault_table.py test-output/faults test-output/faults.md; exit $$status

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Fairgate needs Python 3.11 or newer as python3.11 or python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11"; exit 2; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "$(PYTHON) has no pip: install python3-pip"; exit 2; }
	@echo "making the environment $(VENV)"
	@$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(BIN)/python
	@echo "installing what Fairgate needs: about 1.4 GB of disk, one to five minutes"
	@$(INSTALL) -r requirements.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "installing what the tests need"
	@# PySpark comes as source only: it is built with the locked setuptools, not with one fetched without a hash.
	@$(INSTALL) --no-build-isolation -r requirements-dev.txt
	@touch $@

lock:
	uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-annotate requirements.in -o requirements.txt
	uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

benchmark: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py $(BENCHMARK)

# The pictures of the officer's guide, from a real browser (needs chromium).
pictures: $(VENV)/.dev
	$(BIN)/python tests/make_pictures.py

clean:
	rm -rf $(VENV) demo build fairgate.egg-info test-output
