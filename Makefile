# Two commands are all a fresh machine needs: `make demo` and `make test`.
# They need Python 3.11 or later; name another one with `make demo PYTHON=python3.12`.
PYTHON ?= python3
# What prediction needs, without torch.
CORE := .venv
# Training and development on top.
DEV := .venv-dev
# `overlap` needs tiles and labels of yours; two files there are no benchmarks but shared by some.
BENCHES := labels predict_speed rivals_speed window_sizes gate_shortcuts devices deepness scene_memory scene_shift server_load
# A progress bar is noise in a log; pip's own version is no news.
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint format types bench clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(CORE)/.ready ## Draw a sea, find its ships with the bundled model, and say where the pictures are
	$(CORE)/bin/shipseg demo -o demo --overwrite

test: $(DEV)/.ready $(CORE)/.ready ## Run all tests
	SHIPSEG_CORE_PYTHON=$(CURDIR)/$(CORE)/bin/python $(DEV)/bin/python -m pytest

lint: $(DEV)/.ready ## Check style, the import contracts and the Dockerfile
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/lint-imports
	$(DEV)/bin/hadolint Dockerfile

format: $(DEV)/.ready ## Format the code
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

types: $(DEV)/.ready ## Check types
	$(DEV)/bin/mypy

bench: $(DEV)/.ready ## Print the benchmarks that need no data of yours
	for bench in $(BENCHES); do $(DEV)/bin/python benchmarks/$$bench.py || exit 1; done

clean: ## Remove environments and caches
	rm -rf $(CORE) $(DEV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(CORE)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "shipseg needs Python 3.11 or later, found " + sys.version.split()[0] + ": make demo PYTHON=python3.11")'
	$(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python $(PIP) --editable .
	touch $@

$(DEV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "shipseg needs Python 3.11 or later, found " + sys.version.split()[0] + ": make test PYTHON=python3.11")'
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) --editable '.[train,geo,serve,dev]'
	touch $@
