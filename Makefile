# make run, make test: each sets up all it needs in .venv, from a machine with only Python 3.11 to 3.13 and make.

PYTHON ?= python3
ENV ?= base
PYTHONS ?= 3.11 3.12 3.13
UV_VERSION := 0.13.9
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/lending_club/__init__.py)
IMAGE ?= lending-club
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
# The tests start Python some hundreds of times; where it may not keep what it compiles, as some images say, each takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run jupyter docs-quality test test-duckdb test-databricks test-around test-pages test-matrix test-thorough test-speed warehouse warehouse-env smoke bench lint format check clean docs viz viz-build package sbom audit image image-test stack-test version dagster test-dagster

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: .venv/.ready ## Run the whole job on data/ (or LENDING_CLUB_DATA)
	.venv/bin/kedro run

jupyter: .venv/.extras ## Open JupyterLab with the catalog; start with notebooks/explore.ipynb
	.venv/bin/kedro jupyter lab

docs: .venv/.extras ## Make the documentation's site in build/docs
	@.venv/bin/sphinx-build --quiet --fail-on-warning --fresh-env --keep-going --nitpicky --builder html docs build/docs
	@echo "Open file://$(CURDIR)/build/docs/index.html"

viz: .venv/.extras ## Show the lineage, its SQL, tables and last run in a browser; VIZ="--env prod --port 4200" for other options
	.venv/bin/kedro viz run $(VIZ)

viz-build: .venv/.extras ## The same as one page that opens from disk, build/viz/index.html
	.venv/bin/kedro viz build $(VIZ)

dagster: .venv/.extras ## Start Dagster on http://127.0.0.1:3000: assets, runs, schedules, arrivals
	@mkdir -p build/dagster && cp deploy/dagster/local/dagster.yaml build/dagster/
	DAGSTER_HOME=$(CURDIR)/build/dagster .venv/bin/dagster dev --port 3000 $(DAGSTER)

docs-quality: .venv/.ready ## Open the page of what was checked
	.venv/bin/python -m webbrowser -t "file://$(realpath $(or $(LENDING_CLUB_DATA),data))/08_reporting/data_docs/index.html"

# The longest first, so that make -j2 has two parts to run until near the end.
test: test-duckdb test-databricks test-around test-pages ## Run the tests; with make -j2 -O two parts at once

# What stands around the job: its pages and documentation; the wheel, Dagster, metrics and alerts.
PAGES := $(addprefix tests/,browser test_docs.py)
AROUND := $(addprefix tests/,monitoring orchestration test_deploy.py test_package.py test_troubleshooting.py)

test-duckdb: .venv/.extras
	.venv/bin/pytest $(addprefix --ignore ,tests/warehouse $(AROUND) $(PAGES))

test-around: .venv/.extras
	.venv/bin/pytest $(AROUND)

test-pages: .venv/.extras
	.venv/bin/pytest $(PAGES)

test-databricks: .venv/.extras # where there is Java
	@if command -v java >/dev/null || test -n "$$JAVA_HOME"; then $(MAKE) --silent warehouse-env; \
		else echo "There is no Java: the tests of Databricks are skipped."; fi
	.venv/bin/pytest tests/warehouse

test-matrix: .venv/.ready ## Run the tests of the job on every Python in PYTHONS, with the oldest and the locked DuckDB; slow
	@for python in $(PYTHONS); do for duckdb in 1.5.6 2.0.0; do \
		echo "Python $$python, DuckDB $$duckdb" && \
		UV_PROJECT_ENVIRONMENT=.venv-matrix .venv/bin/uv sync --quiet --locked --all-extras --python $$python && \
		.venv/bin/uv pip install --quiet --python .venv-matrix/bin/python duckdb==$$duckdb && \
		.venv-matrix/bin/pytest -p no:cacheprovider $(addprefix --ignore ,$(AROUND) $(PAGES)) || exit 1; done; done

test-dagster: .venv/.extras ## Runs, kills and arrivals under a Dagster that is really started, PostgreSQL too; slow
	.venv/bin/pytest tests/orchestration/slow_server.py

test-thorough: .venv/.ready .venv-warehouse/.ready ## Thousands of hostile files, a hundred kills, a million accounts; slow
	HYPOTHESIS_PROFILE=thorough KILLS=100 .venv/bin/pytest tests/test_contract.py tests/test_run.py -k "oracle or kill"
	HYPOTHESIS_PROFILE=thorough .venv/bin/pytest tests/warehouse/test_databricks_run.py tests/warehouse/million.py -k "generated or million"

test-speed: .venv/.ready ## Fail where a run takes a fifth more than when last measured
	@.venv/bin/python benchmarks/regression.py

warehouse: .venv-warehouse/.ready ## Start the test warehouse to play with, on port 8443
	.venv-warehouse/bin/python tests/warehouse/server --port 8443

warehouse-env: .venv-warehouse/.ready ## Set up the environment of the test warehouse

smoke: .venv/.ready ## Run the job on the sample in a place of its own and verify it; ENV=prod for Databricks
	.venv/bin/python -m tests.smoke $(ENV)

bench: .venv/.ready .venv-bench/.ready ## Compare speed and memory with what you might use instead; BENCH=--full for 100 M
	@.venv-bench/bin/python benchmarks/bench.py $(BENCH)

image: ## Build the container image; IMAGE=name:tag, EXTRAS="databricks dagster", DOCKER_BUILD="..." for more options
	docker build --tag $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		$(if $(EXTRAS),--build-arg EXTRAS="$(EXTRAS)") $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) $(DOCKER_BUILD) .

image-test: .venv/.extras ## Build the image and try it, confined and with little memory; BASE_IMAGE=debootstrap without a registry; slow
	.venv/bin/python -m tests.image

stack-test: .venv/.extras ## Start compose.yaml's services, run, hang and kill them; BASE_IMAGE=debootstrap without a registry; slow
	.venv/bin/pytest --capture=no --verbose tests/stack/stack.py

version: ## Print the version
	@echo $(VERSION)

package: .venv/.ready ## Build the wheel, configuration included, in dist/; the same sources give the same bytes
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} .venv/bin/uv build --quiet --wheel --out-dir dist
	@ls dist/*.whl

sbom: .venv/.ready ## Write the list of all that the package brings, dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	@.venv/bin/uv export --quiet --locked --no-default-groups --all-extras --format cyclonedx1.5 --output-file dist/sbom.cdx.json >/dev/null
	@ls dist/sbom.cdx.json

audit: .venv/.ready ## Fail where something that the package brings has a known vulnerability; asks a service on the internet
	@mkdir -p build
	@.venv/bin/uv export --quiet --locked --no-default-groups --all-extras --no-emit-project --output-file build/audited.txt >/dev/null
	@.venv/bin/uv tool run --quiet pip-audit==2.10.0 --strict --disable-pip --require-hashes --requirement build/audited.txt

lint: .venv/.extras ## Check format, style, types, the layers' imports, Dockerfile, compose.yaml and workflows
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/nbstripout --verify notebooks/*.ipynb
	.venv/bin/hadolint Dockerfile
	.venv/bin/docker-compose --profile '*' config --quiet
	.venv/bin/jactionlint
	.venv/bin/zizmor --offline --quiet .github

format: .venv/.extras ## Format the code
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

check: lint test ## What CI checks

clean: ## Remove the environment, caches and the site; data stays
	rm -rf build .venv .venv-matrix .venv-warehouse .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The locked environment, made again only when the lock changes. uv comes from the package index where it is not installed.
.venv/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "Python 3.11 to 3.13 is needed, $(PYTHON) is another. Try: make PYTHON=python3.12 ..."; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@if command -v uv >/dev/null; then uv sync --locked --quiet --extra databricks; else \
		test -x .venv/bin/uv || .venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
		.venv/bin/uv sync --locked --quiet --extra databricks; fi
	@touch $@

# Kedro-Viz, Jupyter and data frames beside it: all extras.
.venv/.extras: .venv/.ready
	@if command -v uv >/dev/null; then uv sync --locked --quiet --all-extras; else .venv/bin/uv sync --locked --quiet --all-extras; fi
	@touch $@

# The test warehouse's environment, with Delta Lake's archives: Spark fetches them once, so that it starts without a network.
.venv-warehouse/.ready: tests/warehouse/server/uv.lock tests/warehouse/server/delta_jars.py | .venv/.ready
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-warehouse .venv/bin/uv sync --locked --quiet --python .venv/bin/python --project tests/warehouse/server
	@.venv-warehouse/bin/python tests/warehouse/server/delta_jars.py >.venv-warehouse/jars.log 2>&1 || { cat .venv-warehouse/jars.log; exit 1; }
	@touch $@

# The benchmark's environment: what the project is compared with.
.venv-bench/.ready: benchmarks/pyproject.toml benchmarks/uv.lock | .venv/.ready
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-bench .venv/bin/uv sync --locked --quiet --python .venv/bin/python --project benchmarks
	@touch $@
