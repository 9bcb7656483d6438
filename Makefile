# Two commands for a newcomer: `make run` and `make test`. `make help` lists all.
PYTHON ?= python3
BIN := .venv/bin
COUNT ?= 50
# Where a package came from is in no lock file unless uv is asked to write it there.
COMPILE := uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-header -q

# A copied or moved project must not run the code of the folder it came from.
ifneq ($(shell cat .venv/built-in 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/run.stamp .venv/dev.stamp)
endif

.PHONY: help run test check torture bench calibrate setup tracing providers lock clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# One stamp for each set of requirements: a newcomer's first run does not wait for test tools.
.venv/run.stamp: requirements.lock pyproject.toml
	@sh tools/make-venv "$(PYTHON)" requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml
	@sh tools/make-venv "$(PYTHON)" requirements-dev.lock
	@touch $@ .venv/run.stamp

setup: .venv/run.stamp  ## build .venv from hash-pinned requirements

tracing: .venv/run.stamp  ## add what sends traces by OpenTelemetry to .venv
	@sh tools/make-venv "$(PYTHON)" requirements-tracing.lock

providers: .venv/run.stamp  ## add what calls models elsewhere than on Bedrock to .venv
	@sh tools/make-venv "$(PYTHON)" requirements-providers.lock

run: .venv/run.stamp  ## run the experiment that .env asks for; without any set-up, a rehearsal
	@# Nothing configured at all: rehearse the whole batch, so that there is something to look at.
	@if [ -f .env ] || [ -n "$$SUBJECT_MODELS" ]; then exec $(BIN)/python run_and_evaluate.py; \
	else BATCH_MODE=$${BATCH_MODE:-true} exec $(BIN)/python run_and_evaluate.py; fi

test: .venv/dev.stamp  ## run all tests
	@sh tools/need-chromium
	@$(BIN)/python -m pytest -n 2

check: .venv/dev.stamp  ## format, lint, types, import contracts, then all tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory test

torture: .venv/dev.stamp  ## long fault runs; COUNT=50 and FIRST_SEED=1 can be set
	@$(BIN)/python -m tests.torture --count $(COUNT) --first-seed $${FIRST_SEED:-1}

bench: .venv/dev.stamp  ## measure side by side with Inspect, LiteLLM, promptfoo; ARGS="--quick" for two minutes
	@$(BIN)/python -m tests.bench $(ARGS)

calibrate: .venv/dev.stamp  ## do intervals and tests keep their promises? COUNT rehearsals of worlds whose truth is known
	@$(BIN)/python -m tests.calibration --count $(if $(filter command line environment,$(origin COUNT)),$(COUNT),200)

lock: .venv/dev.stamp  ## renew the four requirement files (needs uv)
	$(COMPILE) -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --extra tracing -c requirements-dev.lock -o requirements-tracing.lock
	$(COMPILE) --extra providers -c requirements-dev.lock -o requirements-providers.lock

clean:  ## remove the environment and caches; never any data
	rm -rf .venv .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
