# Everything a person runs. Only Python 3.11 or newer, git and make have to be there.
.DEFAULT_GOAL := help
.PHONY: help setup browser demo demo-transfer cancel-transfer return up why undo audit check ledger ledger-upgrade \
	backup restore test test-all lint style bench documents lock clean

PYTHON := .venv/bin/python
PLANBRIDGE := $(PYTHON) -m include.commands.cli
JOBS ?= 4
LOCK = $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
# Whatever imports Airflow must not make ~/airflow.
export AIRFLOW_HOME := $(CURDIR)/.planbridge/airflow
# Airflow and the tests start many processes: what one has compiled, the next ones read.
unexport PYTHONDONTWRITEBYTECODE
# Commands about earlier runs take the installation that the shell names in part or as a whole, else the demo's.
DEMO_ENV := env | grep -qi '^\(AIRFLOW_CONN_\|PLANBRIDGE__DATA__FOLDER=\)' || [ ! -f .planbridge/env ] || . .planbridge/env;
# A command without what it is about: nothing is installed, and make leaves with 2.
usage = echo 'Usage: $(1)' >&2; exit 2

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: ## The virtual environment .venv from the locked requirements (the others call it)
	@sh include/local/setup.sh

demo: setup ## The weeknight run over a demo office and two vendor sandboxes; FRESH=1 starts over
	@$(PLANBRIDGE) demo $(if $(FRESH),--fresh)

cancel-transfer: $(if $(TRANSFER),setup) ## End a transfer that nobody has accepted: TRANSFER=…
	@$(if $(TRANSFER),,$(call usage,make cancel-transfer TRANSFER=…))
	@$(DEMO_ENV) $(PLANBRIDGE) transfer cancel "$(TRANSFER)"

return: $(if $(TRANSFER),setup) ## Bring a transfer back within 30 days, if nothing was edited since: TRANSFER=…
	@$(if $(TRANSFER),,$(call usage,make return TRANSFER=…))
	@$(DEMO_ENV) $(PLANBRIDGE) transfer return "$(TRANSFER)"

demo-transfer: setup ## A set of the demo office moves to another office; FRESH=1 starts over
	@$(PLANBRIDGE) demo-transfer $(if $(FRESH),--fresh)

up: setup ## The same installation kept running with Airflow's web UI; PORT=8080, Ctrl-C stops it
	@$(PLANBRIDGE) up $(if $(PORT),--port $(PORT))

why: $(if $(UNIT),setup) ## Where a value comes from and what became of it; UNIT=H12 FIELD=clientA.homePhone VENDOR=profiles DATE=2026-11-20
	@$(if $(UNIT),,$(call usage,make why UNIT=H12 [FIELD=…] [VENDOR=profiles|emoney] [DATE=…]))
	@$(DEMO_ENV) $(PLANBRIDGE) why $(if $(UNIT),--unit "$(UNIT)") $(if $(FIELD),--field "$(FIELD)") \
		$(if $(VENDOR),--vendor "$(VENDOR)") $(if $(DATE),--date "$(DATE)")

undo: $(if $(RUN),setup) ## Put back at Profiles what a run wrote, where it still stands; RUN=… UNIT=H12, DRY=1 only says what
	@$(if $(RUN),,$(call usage,make undo RUN=… [UNIT=H12] [DRY=1]))
	@$(DEMO_ENV) $(PLANBRIDGE) undo $(if $(RUN),--run "$(RUN)") $(if $(UNIT),--unit "$(UNIT)") $(if $(DRY),--dry-run)

audit: setup ## Verify the audit of the stewards' desk; exit status 1 where an entry is not as it was written
	@$(DEMO_ENV) $(PLANBRIDGE) audit

ledger: setup ## Where the ledger is, its revision, and whether this code needs an upgrade of it
	@$(DEMO_ENV) $(PLANBRIDGE) ledger check

ledger-upgrade: setup ## Bring the ledger to the revision that this code needs; TRY=1 only tries it, on a copy
	@$(DEMO_ENV) $(PLANBRIDGE) ledger upgrade $(if $(TRY),--try)

backup: $(if $(TO),setup) ## The whole ledger into one file, also while a run writes: TO=file or folder, FORCE=1 replaces a file
	@$(if $(TO),,$(call usage,make backup TO=… [FORCE=1]))
	@$(DEMO_ENV) $(PLANBRIDGE) ledger backup "$(TO)" $(if $(FORCE),--force)

restore: $(if $(FROM),setup) ## A backup in the place of the ledger: FROM=file, FORCE=1 replaces a ledger that has runs
	@$(if $(FROM),,$(call usage,make restore FROM=… [FORCE=1]))
	@$(DEMO_ENV) $(PLANBRIDGE) ledger restore "$(FROM)" $(if $(FORCE),--force)

test: browser lint ## Style, types and the tests that are not marked slow; JOBS=4
	@$(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow"

test-all: browser lint ## The same with the slow tests, and every boundary killed; JOBS=4
	@EVERY_BOUNDARY=1 $(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup

browser: setup ## The browser of the tests, installed where apt may
	@$(PYTHON) -m tests.browser

lint: style ## Style and types only
	@$(PYTHON) -m mypy

style: setup ## Style only
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check --quiet . || { $(PYTHON) -m ruff format --check . ; exit 1; }

bench: setup ## The benchmarks; AGAINST=commit beside that one: ONLY=why,demo ROUNDS=5 SCALE=0.1 QUICK=1
	@$(PYTHON) -m tests.benchmarks$(if $(AGAINST),.against "$(AGAINST)" $(if $(ONLY),--only "$(ONLY)") \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SCALE),--scale $(SCALE)) $(if $(QUICK),--quick))

documents: setup ## The generated tables of docs/ and .env.example anew
	@$(PYTHON) -m tests.documents

lock: setup ## Both locks anew from requirements.in and requirements-dev.in; UPGRADE=1 takes the newest versions
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt

check: setup ## Is all ready for a night? Log-ins, key, clocks, ledger, folder, disk, Airflow; JSON=1 for programs
	@$(DEMO_ENV) $(PLANBRIDGE) check $(if $(JSON),--json)

clean: ## Forget the demo: Airflow's home, ledger, sandboxes, reports, tools' caches (.venv stays)
	@if .venv/bin/python -c 'import typer' 2>/dev/null; then $(PLANBRIDGE) clean; else rm -rf .planbridge; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
