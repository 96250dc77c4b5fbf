# Every target builds and updates its own virtual environment; nothing else needs to be installed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test lint types unit generate check-generated bench clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

demo: $(READY) ## Generate, start an embedded SNS and SQS, publish, consume, report
	$(BIN)/python -m examples.demo

test: lint types check-generated unit ## Everything that must be green

lint: $(READY) ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy --strict and pyright (strict)
	$(BIN)/mypy
	$(BIN)/basedpyright

check-generated: $(READY) ## generated/ is what schemas/ says
	$(BIN)/mega-codegen schemas/ -o generated/ --check

unit: $(READY) ## The tests, warnings as errors
	$(BIN)/pytest -n 2

generate: $(READY) ## Rewrite generated/ from schemas/
	$(BIN)/mega-codegen schemas/ -o generated/

bench: $(READY) ## Ratios of medians, interleaved, CPU time
	$(BIN)/python -m bench

clean: ## Remove the virtual environment and the caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
