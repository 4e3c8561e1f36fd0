# Partywall. Every target sets up .venv first (Python 3.11 or newer) and writes only below this folder.
.DEFAULT_GOAL := help
.PHONY: help run demo backup restore prometheus dashboards command test check lint format migrate openapi reference golden-events prove-api prove-races prove-faults prove-wall bench bench-growth flames containers lock
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH

python := .venv/bin/python
pytest_options :=
# For every platform and every Python from 3.11 on, not only for the one that locks.
lock_options := --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links
runtime := @sh deploy/setup.sh requirements.txt
development := @sh deploy/setup.sh requirements-dev.txt

help: ## Show this list
	@echo "Partywall, the open back office for med-spa franchises"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

run: ## Start the whole platform here and stop it on Ctrl-C (first start: a few minutes, needs the network)
	$(runtime)
	@$(python) -m deploy.local run

demo: ## Play the demo story through the API while `make run` runs
	$(runtime)
	@$(python) -m deploy.local demo

backup: ## Back up the platform here, running or not: make backup to=FOLDER
	$(runtime)
	@$(python) -m deploy.backup create $(to)

restore: ## Restore a backup into an empty place: make restore from=FOLDER
	$(runtime)
	@$(python) -m deploy.backup restore $(from)

prometheus: ## Let the Prometheus of this machine watch the running platform (Debian: apt install prometheus)
	$(runtime)
	@$(python) -m deploy.local prometheus

dashboards: ## Write the Grafana dashboards from the code
	$(runtime)
	@$(python) -m deploy.grafana

command: ## A service's own command on the running platform: make command do="gateway audit verify"
	$(runtime)
	@$(python) -m deploy.local command $(do)

test: ## Run every test (embedded PostgreSQL, or the server TEST_POSTGRES_URL names)
	$(development)
	@$(python) -m pytest -n 2 --dist loadfile $(pytest_options)

check: lint test ## Everything a change must pass: lint and test

lint: ## Formatting, lint, types, import rules
	$(development)
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy
	@$(python) -c "from importlinter.cli import lint_imports_command as lint; lint()"

format: ## Format the code and mend what lint can mend
	$(development)
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

migrate: ## Bring every service's database up to date (settings from the environment)
	$(runtime)
	@$(python) -m services migrate all

openapi: ## Write the OpenAPI documents from the code
	$(runtime)
	@$(python) -m services openapi

reference: ## Write docs/problems.md, docs/events.md and docs/access-matrix.md from the code
	$(runtime)
	@$(python) -m deploy.reference
	@$(python) -m services matrix

golden-events: ## Write down every event and its fields (tests/architecture/events); they are only ever added to
	$(development)
	@$(python) -m tests.architecture.test_events

prove-api: ## Send every operation 20,000 requests, good and garbage; drive four models at length
	$(development)
	@$(python) -m tests.proof.api

prove-races: ## Let many at once at everything over HTTP, 50 rounds each: one effect each, no deadlock
	$(development)
	@$(python) -m tests.proof.races

prove-faults: ## Kill everything at random under load, with RabbitMQ and without: nothing lost, nothing doubled
	$(development)
	@$(python) -m tests.proof.faults

prove-wall: ## Attack tenancy and the wall: every operation and table, each of three layers alone; any leak fails
	$(development)
	@$(python) -m tests.proof.wall

bench: ## Measure the platform beside raw SQL
	$(development)
	@$(python) -m tests.bench

bench-growth: ## Measure what a request costs at 1, 50 and 500 sites with up to 10 million orders (some 15 GB of disk)
	$(development)
	@$(python) -m tests.bench.growth

flames: ## Draw where the processor time of the two hottest operations goes (docs/flames)
	$(development)
	@$(python) -m tests.bench.flames

containers: ## Build the image and play the story against the containers (needs a container engine)
	$(development)
	@$(python) -m pytest -m container $(pytest_options)

lock: ## Lock the requirements anew, with hashes (make lock upgrade=--upgrade takes newer releases)
	$(development)
	@$(python) -m uv pip compile $(lock_options) $(upgrade) --output-file requirements.txt requirements.in
	@$(python) -m uv pip compile $(lock_options) $(upgrade) --output-file requirements-dev.txt requirements-dev.in
