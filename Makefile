# `make` alone lists the commands. Everything runs from .venv, which the first command makes.

PYTHON ?= python3
PY := .venv/bin/python
BOOTSTRAP := @$(PYTHON) deploy/local/bootstrap.py

# Compiled modules are kept, whatever the shell says: each of the many processes would compile all of ours again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test soak check audit migrate screenshots bench chaos replay containers sbom chart docs packages dev-packages chromium promtool

help: ## List these commands
	@echo "Everdesk. make <command>:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: packages ## Start everything here: engines, mail, services (Ctrl-C stops it)
	@exec $(PY) -m deploy.local

demo: packages ## Play the seed story against the running stack (TICKETS=, N=)
	@exec $(PY) -m deploy.demo

test: dev-packages chromium promtool ## Run the tests against real engines, two files at a time (ARGS="tests/unit -k word", ARGS="-n 0 …")
	@exec $(PY) -m pytest -n 2 --dist loadfile $(ARGS) $(if $(CI),--durations=20)

soak: dev-packages ## Run the tests of quantity in their long form, about ten minutes (ARGS="-k rollout")
	@EVERDESK_TEST_SIZE=long exec $(PY) -m pytest -m soak $(ARGS)

check: dev-packages ## Format, lint, types, import rules, committed credentials
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m tests.secrets

audit: dev-packages ## Ask for known vulnerabilities of the locked packages (0 none, 1 some, 2 not all could be looked up)
	@exec $(PY) -m tests.audit $(ARGS)

migrate: packages ## Bring the databases of the local stack up to date (make run does so too)
	@exec $(PY) -m deploy.local --migrate

bench: dev-packages ## Measure against the budgets and write docs/bench (ARGS=accept|outage|lifecycle|memory|business_time|long_history|timers|what_if|time_travel|incident|upload|mail|mail_out|abuse|fuzz_mail|fuzz_api|growth|desk|access|idle|routing|reports|tracing|storage|load|burst|soak; MINUTES=30 for soak)
	@exec $(PY) -m tests.load $(ARGS)

chaos: dev-packages ## Break everything in turn under load, then look for what was acknowledged (ARGS="--seed 7 8 --minutes 30", "--plant all --minutes 1", "three-of-each --minutes 10")
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! ls /usr/lib/*/faketime >/dev/null 2>&1; then \
	  apt-get install -y -qq --no-install-recommends libfaketime >/dev/null 2>&1 || true; fi
	@exec $(PY) -m tests.chaos.run $(ARGS)

replay: dev-packages ## Play a real incident log, by rules and by workflows (ARGS="--incidents 1000 --pure-only")
	@exec $(PY) -m tests.replay $(ARGS)

screenshots: dev-packages chromium ## Picture the portal and the desk anew for the docs (docs/screens)
	@exec $(PY) -m tests.screenshots

sbom: ## Write what the lock file brings, as CycloneDX JSON, to build/everdesk.cdx.json
	@mkdir -p build && test -x build/sbom/bin/cyclonedx-py || $(PYTHON) -m venv build/sbom
	@build/sbom/bin/python -m pip install --quiet --require-hashes -r deploy/sbom.lock
	@build/sbom/bin/cyclonedx-py requirements --output-reproducible --of JSON -o build/everdesk.cdx.json requirements.lock
	@echo "Wrote build/everdesk.cdx.json"

containers: ## Build and start the same system on containers (makes .env if there is none)
	@test -f .env || $(PYTHON) -m deploy.compose.env
	@if docker compose version >/dev/null 2>&1; then docker compose up --build $(ARGS); \
	else docker-compose up --build $(ARGS); fi

chart: dev-packages ## Lint and render the Helm chart with every option (installs Helm as a library, 350 MB)
	$(BOOTSTRAP) requirements-chart.lock
	@exec $(PY) -m pytest tests/helm -n 0 -q $(ARGS)

docs: dev-packages ## Build the documentation as a site into build/docs; a broken link or anchor is an error
	@$(PY) -m sphinx -c docs/site -b html -W --keep-going -E -q . build/docs $(ARGS)
	@echo "build/docs/index.html"

packages:
	$(BOOTSTRAP) requirements.lock

dev-packages: packages
	$(BOOTSTRAP) requirements-dev.lock

# The browser tests drive the system's own Chromium; a wheel has none. The one without windows takes half of the
# processor's time; where it cannot be had, the usual one does.
CHROMIUM_SHELL = /usr/bin/chromium-headless-shell
chromium:
	@test -x $(CHROMIUM_SHELL) || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the browser tests ..."; \
	  install() { apt-get install -y -qq --no-install-recommends "$$1" >/dev/null; }; \
	  { apt-get update -qq && install chromium-headless-shell; } || test -x /usr/bin/chromium || install chromium; \
	elif ! test -x /usr/bin/chromium; then \
	  echo "The browser tests need Chromium. Install it, then run this again:" >&2; \
	  echo "  sudo apt-get install chromium-headless-shell" >&2; exit 1; \
	fi

# Runs the cases of the alert rules. Taken out of Debian's package, because installing that would start a server; where
# it cannot be had, those cases are skipped.
promtool:
	@command -v promtool >/dev/null || test -x .venv/bin/promtool || { folder=$$(mktemp -d); \
	(cd $$folder && apt-get download -qq prometheus >/dev/null 2>&1 && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool) && \
	install -m 755 $$folder/promtool .venv/bin/promtool || \
	echo "promtool could not be had (apt-get install prometheus): the cases of the alert rules are skipped"; \
	rm -rf $$folder; }
