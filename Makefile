# Every target builds and updates its own virtual environment; nothing else needs to be installed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The other interpreters that this machine has, 3.11 or newer: on the PATH, or installed by pyenv.
OTHERS := $(shell $(PYTHON) tests/interpreters.py)
# What they run: all that needs no type checker and no server, and does not take long for what is the same everywhere.
PORTABLE := $(filter-out %/test_cache.py %/test_watch.py %/test_lint.py %/test_official_suite.py,$(wildcard tests/codegen/test_*.py)) tests/test_codecs.py tests/test_dispatch.py tests/test_envelopes.py tests/test_event.py \
            tests/test_aws_lambda.py tests/test_index.py tests/test_inspection.py tests/test_languages.py tests/test_patterns_page.py tests/test_payload.py tests/test_possible.py tests/test_subscribers.py tests/test_subscriptions.py \
            tests/test_testing.py tests/test_calls.py tests/test_middleware.py tests/test_lanes.py tests/test_backoff.py

# What depends on the versions of the libraries: what is generated, what its classes read and write, quick clients.
VERSIONED := tests/codegen/test_golden.py tests/codegen/test_checks.py tests/codegen/test_drafts.py \
             tests/codegen/test_official_suite.py tests/codegen/test_problems.py tests/test_event.py tests/test_quick_clients.py tests/test_transport.py

.PHONY: help demo docs test lint types check-generated verify unit others oldest generate bench clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

demo: $(READY) ## Generate, start an embedded SNS and SQS, publish, consume, report
	$(BIN)/mega-codegen schemas/ -o generated/
	$(BIN)/mega-typed demo

docs: $(READY) ## The documentation as a site, in site/; a warning is an error
	$(BIN)/sphinx-build -c docs --fresh-env --fail-on-warning --keep-going --quiet -d build/doctrees . site

test: lint types check-generated verify unit others oldest ## Everything that must be green

lint: $(READY) ## ruff: lint and format; the schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mega-codegen lint schemas/

types: $(READY) ## mypy --strict and pyright (strict)
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python

check-generated: $(READY) ## generated/ is what schemas/ says
	$(BIN)/mega-codegen schemas/ -o generated/ --check

verify: $(READY) ## The generated classes accept what schemas/ accepts
	$(BIN)/mega-codegen verify schemas/

unit: $(READY) ## The tests, warnings as errors
	$(BIN)/pytest -n 3 --dist worksteal --durations=40 --durations-min=2

others: $(READY) ## The portable tests on every other interpreter, 3.11 or newer, that the machine has
	@set -e; for python in $(OTHERS); do \
	    venv=$(VENV)-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "== $$($$python --version)"; \
	    test -x $$venv/bin/python || $$python -m venv $$venv; \
	    $$venv/bin/python $(PIP) --editable '.[codegen]' hypothesis jsonschema pytest pytest-xdist; \
	    $$venv/bin/python -m pytest -q -n 2 -m 'not slow' -p no:cacheprovider $(PORTABLE); \
	done

oldest: $(READY) ## What depends on libraries, with the oldest versions that pyproject.toml admits
	test -x $(VENV)-oldest/bin/python || $(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-oldest.txt \
	    --editable '.[codegen]' hypothesis pytest pytest-xdist
	$(VENV)-oldest/bin/python -m pytest -q -n 2 -p no:cacheprovider $(VERSIONED)

generate: $(READY) ## Rewrite generated/ from schemas/
	$(BIN)/mega-codegen schemas/ -o generated/

bench: $(READY) ## Ratios of medians, interleaved, CPU time
	$(BIN)/python -m bench

clean: ## Remove the virtual environments and the caches
	rm -rf $(VENV) $(VENV)-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .mega_codegen_cache build site

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --editable '.[dev]'
	@touch $@
