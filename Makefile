# Four commands for a person, a hook and CI: make setup, make lint, make test, make up.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := airflow,mlflow,drift,alerts,x,local,vectors,onnx,transformers,serving,weights,dev
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: .venv/installed ## make .venv with everything in it

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

up: setup ## start Postgres, MLflow and Airflow, and run the loop on the sample stream
	$(BIN)/sentiment up $(ARGS)

down: ## stop what `make up` started
	$(BIN)/sentiment down

status: ## health of each component
	$(BIN)/sentiment status

test: setup ## the tests that need nothing but this machine
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: setup ## style, types, direction of imports
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup ## every benchmark in its short form: make bench, or python -m benchmarks.NAME
	set -e; for name in $$(ls benchmarks | sed -n 's/^bench_//p'); do echo $$name; done

.PHONY: help setup up down status test lint bench
