# The only entry point, for people and CI. `make` without a target prints the help.

# The first Python that is new enough. PYTHON=… chooses another.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))) python3)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
BROWSER ?= 1
EXPORTER ?= 1
PYTEST_ARGS ?=

EXCLUDED_TESTS := $(if $(filter 0,$(BROWSER)),--deselect=tests/browser) \
	$(if $(filter 0,$(EXPORTER)),--ignore=tests/system/test_exporter.py) \
	$(if $(filter 0,$(PROMTOOL)),--ignore=deploy/prometheus)

# Tests run in parallel, as they mostly wait. One worker runs all tests of a file. Files start in the order of testpaths,
# which lists the slow ones first.
ALL_WORKERS := --numprocesses=auto --dist=loadfile --no-loadscope-reorder
TWO_WORKERS := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help
help:
	@printf 'DispyCluster Live\n'
	@sed -nE 's/^##@ (.*)/\n\1\n/p; s/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 26
	@printf '\nSettings are variables, for example make run PORT=9000. docs/settings.md lists them all.\n'

##@ Run on this machine

.PHONY: run
run: setup ## show this machine live on http://localhost:8085 (PORT=9000: another port; DEMO_NODES=50: simulated nodes)
	@exec $(BIN)/dispycluster run

.PHONY: status
status: setup ## show whether live data flow
	@$(BIN)/dispycluster status

.PHONY: check-nodes
check-nodes: setup ## check all nodes and print one line for each (TARGETS=nodes.yaml: another list of nodes)
	@$(BIN)/dispycluster check-nodes

.PHONY: check-rules
check-rules: setup ## check the alert rules, and print which alerts would fire now (COLLECTOR_RULES=alerts.yaml)
	@$(BIN)/dispycluster rules check

# NAME counts only on the command line: some systems have an environment variable of that name.
COMMA := ,
ACTION = $(or $(strip $(DO)),add)
NAME_ARGUMENT = $(if $(findstring command,$(origin NAME)),"$(NAME)",$(if $(filter-out list,$(ACTION)),$(error NAME is missing, for example: make $@ NAME=$(1)$(if $(DO), DO=$(ACTION)))))
TOKEN_OPTIONS = $(if $(filter add,$(ACTION)),$(patsubst %,--scope %,$(subst $(COMMA), ,$(SCOPES))) $(addprefix --days ,$(strip $(DAYS))))

# Check the value of a variable: $(call CHECK_VALUE,DO,$(DO),add remove) is empty, or stops make with an error.
CHECK_VALUE = $(if $(filter-out $(3),$(2)),$(error $(1)=$(strip $(filter-out $(3),$(2))) is not valid for make $@: $(1) takes one of $(3)))

.PHONY: user
user: setup ## add a person who may sign in: make user NAME=ada (DO=password, remove, sign-out or list)
	@$(call CHECK_VALUE,DO,$(DO),add password remove sign-out list)$(BIN)/dispycluster user $(ACTION) $(call NAME_ARGUMENT,ada)

.PHONY: token
token: setup ## create a token for a program: make token NAME=backup SCOPES="read publish" DAYS=90 (DO=rotate, remove or list)
	@$(call CHECK_VALUE,DO,$(DO),add rotate remove list)$(call CHECK_VALUE,SCOPES,$(subst $(COMMA), ,$(SCOPES)),read publish)$(BIN)/dispycluster token $(ACTION) $(call NAME_ARGUMENT,backup) $(TOKEN_OPTIONS) $(if $(filter rotate,$(DO)),$(if $(NOW),--now))

.PHONY: access
access: setup ## copy users and tokens: make access DO=save > access.tar (DO=check, restore, revoked, end-sessions or rotate-key)
	@$(call CHECK_VALUE,DO,$(DO),save check restore revoked end-sessions rotate-key)$(BIN)/dispycluster access $(or $(strip $(DO)),$(error DO is missing, for example: make access DO=save > access.tar)) $(if $(filter rotate-key,$(DO)),$(if $(NOW),--now))

.PHONY: restore-local
restore-local: setup ## replace the data of make run by a copy: make restore-local FILE=dump.rdb; stop make run first (YES=1: do not ask)
	@exec $(BIN)/dispycluster restore $(if $(FILE),"$(FILE)") $(if $(YES),--yes)

.PHONY: install-service
install-service: ## install or update the product as systemd services: sudo make install-service
	@$(PYTHON) -B -m deploy.local.systemd install $(if $(DESTDIR),--root "$(DESTDIR)")

.PHONY: uninstall-service
uninstall-service: ## remove the systemd services; settings and data stay (PURGE=1: delete them too, after a question)
	@$(PYTHON) -B -m deploy.local.systemd uninstall $(if $(DESTDIR),--root "$(DESTDIR)") $(if $(PURGE),--purge)

##@ Run in containers

# Needs Python 3.9 and Docker, but no .venv. -B: sudo must not create cache files that belong to root.
COMPOSE = $(PYTHON) -B -m deploy.compose

.PHONY: up
up: ## check this machine, start all containers, wait for data, print the URLs (PUBLIC_HOST=0.0.0.0: open to other machines)
	@exec $(COMPOSE) up

.PHONY: down
down: ## stop and remove the containers; the data stay
	@exec $(COMPOSE) down

.PHONY: logs
logs: ## follow the logs of the containers (SERVICE=ws: of one service)
	@exec $(COMPOSE) logs $(SERVICE)

.PHONY: ps
ps: ## list the containers and their state
	@exec $(COMPOSE) ps

.PHONY: restart
restart: ## restart all services one after another, with changed settings (SERVICE=ws: one service)
	@exec $(COMPOSE) restart $(SERVICE)

.PHONY: rotate
rotate: ## replace a secret without downtime: make rotate WHAT=redis, session-key, certificate, or token NAME=backup (NOW=1: reject the previous one immediately)
	@$(call CHECK_VALUE,WHAT,$(WHAT),redis session-key token certificate)exec $(COMPOSE) rotate $(or $(strip $(WHAT)),$(error WHAT is missing, for example: make rotate WHAT=redis)) $(if $(findstring command,$(origin NAME)),"$(NAME)") $(if $(NOW),--now)

.PHONY: upgrade
upgrade: ## back up the data, build or pull the images, replace the containers, print how to go back
	@exec $(COMPOSE) upgrade

.PHONY: backup
backup: ## copy the data to backups/
	@exec $(COMPOSE) backup

.PHONY: restore
restore: ## replace the data by a backup: make restore FILE=backups/….tar (YES=1: do not ask)
	@exec $(COMPOSE) restore $(if $(FILE),"$(FILE)") $(if $(YES),--yes)

.PHONY: purge
purge: ## remove the containers and delete the data, after a question (YES=1: do not ask; IMAGES=1: remove the images too)
	@exec $(COMPOSE) purge $(if $(YES),--yes) $(if $(IMAGES),--images)

.PHONY: bundle
bundle: ## pack the images and all files for a machine without a network into dist/ (ARCH=arm64: for that architecture)
	@exec $(COMPOSE) bundle

.PHONY: push
push: ## push all images to your registry and print how to use them: make push REGISTRY=registry.lan:5000
	@exec $(COMPOSE) push $(if $(REGISTRY),"$(REGISTRY)")

.PHONY: images-offline
images-offline: ## build all images from Debian's packages, without a container registry (needs root; ARCH=arm64: for Raspberry Pi)
	@exec $(PYTHON) -B -m deploy.images.offline

##@ Kubernetes (kubectl apply -k deploy/k8s installs it)

.PHONY: test-k8s
test-k8s: setup-dev ## test the manifests on a real cluster: make test-k8s CONTEXT=kind-kind LOAD_IMAGES='kind load docker-image' (docs/kubernetes.md)
	@$(BIN)/python -m tests.kubernetes --check
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	@$(BIN)/python -m tests.kubernetes
	$(BIN)/python -m pytest tests/kubernetes $(TWO_WORKERS) --durations=20 $(PYTEST_ARGS)

##@ Develop

.PHONY: setup
setup: ## create .venv with the packages of the product
	@$(PYTHON) deploy/local/bootstrap.py

.PHONY: setup-dev
setup-dev: ## create .venv with the tools for tests and checks too
	@$(PYTHON) deploy/local/bootstrap.py --dev

.PHONY: test
test: setup-dev ## run the tests in parallel (PYTEST_ARGS=-n0: one by one; BROWSER=0, EXPORTER=0, PROMTOOL=0: without Chromium, node_exporter, promtool)
	@$(BIN)/python -m tests.prepare $(if $(filter 0,$(BROWSER)),--without-browser) $(if $(filter 0,$(EXPORTER)),--without-exporter) $(if $(filter 0,$(PROMTOOL)),--without-promtool)
	$(MAKE) --no-print-directory dashboard-test
	$(BIN)/python -m pytest $(ALL_WORKERS) --durations=20 $(EXCLUDED_TESTS) $(PYTEST_ARGS)

# What depends on the loop: in a process, with replicas, and with the local gateway.
ON_LOOP := services/ws/tests deploy/local/tests/test_local_gateway.py deploy/local/tests/test_local_product.py
SYSTEM_ON_LOOP := $(addprefix tests/system/,test_push.py test_replicas.py test_reconnect.py test_redis_away.py test_access_slow.py)
INTEGRATION_ON_LOOP := $(addprefix tests/integration/,test_push_through_the_gateway.py test_scale.py test_handover.py)

.PHONY: test-gevent
test-gevent: setup-dev ## run the tests of the push on gevent: in-process and replica tests
	WS_LOOP=gevent $(BIN)/python -m pytest $(ON_LOOP) $(ALL_WORKERS) --durations=20 $(PYTEST_ARGS)

.PHONY: test-integration
test-integration: setup-dev ## test the containers: push, faults, isolation, data, upgrade (needs a Docker engine)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	$(BIN)/python -m pytest tests/integration $(TWO_WORKERS) --durations=20 $(PYTEST_ARGS)

.PHONY: test-clients
test-clients: setup-dev ## test Socket.IO clients in JavaScript, Python, Java and Go, with each transport (needs Java 17, Maven and Go)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool --with-java-and-go
	$(BIN)/python -m pytest tests/clients --numprocesses=auto --durations=20 $(PYTEST_ARGS)

.PHONY: test-arm64
test-arm64: setup-dev ## test the Raspberry Pi images (needs root; emulated on other machines, which takes 20 minutes)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool
	@ARCH=arm64 $(PYTHON) -B -m deploy.images.offline
	$(BIN)/python -m pytest tests/arm64 $(PYTEST_ARGS)

.PHONY: test-python313
test-python313: setup-dev ## run the in-process tests on Debian 13's Python, in a container (needs a Docker engine, and root the first time)
	@$(BIN)/python -m tests.python313 $(if $(BUILD),--build) $(if $(ALL),--all) $(PYTEST_ARGS)

.PHONY: release
release: setup-dev ## write a new version to every file that names it, and print the next steps: make release VERSION=0.8.0
	@$(BIN)/python -m deploy.release $(VERSION)

BENCHMARKS := bench bench-access bench-slow bench-attacks bench-collector bench-round bench-footprint bench-dashboard bench-history bench-disk bench-operations

# For changes to the code that these tests cover. DISTURBANCES: how often a test kills, pauses or resumes a random process.
# FAULT_SECONDS: how long a proxy in front of the replicas fails. ATTACK_SECONDS: how long an attack lasts.
.PHONY: test-long
test-long: export DISTURBANCES ?= 20
test-long: export FAULT_SECONDS ?= 60
test-long: export ATTACK_SECONDS ?= 60
test-long: ## run all tests and benchmarks with more faults and combinations (needs Docker, Java and Go; CONTEXT=…: Kubernetes too; over an hour)
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory test-clients
	$(MAKE) --no-print-directory test-integration
	$(if $(CONTEXT),$(MAKE) --no-print-directory test-k8s)
	$(MAKE) --no-print-directory test-python313 ALL=1
	$(MAKE) --no-print-directory test-gevent
	WS_LOOP=gevent $(BIN)/python -m pytest $(SYSTEM_ON_LOOP) $(ALL_WORKERS)
	WS_LOOP=gevent $(BIN)/python -m pytest $(INTEGRATION_ON_LOOP) $(TWO_WORKERS)
	EVERY_COMBINATION=1 $(BIN)/python -m pytest tests/browser/test_boxes.py
	set -e; for name in $(BENCHMARKS); do $(MAKE) --no-print-directory $$name QUICK=1; done

.PHONY: check
check: setup-dev dashboard-check ## check code style, types, translations, manifests, locks, and that the committed dashboard is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.messages --check
	@$(BIN)/python -m tests.prepare --for-check
	$(BIN)/python -m pytest tests/manifests $(PYTEST_ARGS)
	$(BIN)/python -m deploy.audit

.PHONY: audit
audit: setup-dev ## check the locked dependencies for known vulnerabilities; asks OSV and the npm registry
	$(if $(ADVISORIES),@echo "ADVISORIES is ignored: make audit asks OSV" >&2)
	@$(BIN)/python -m deploy.audit --known

.PHONY: wheel
wheel: setup-dev ## build the local mode as one file in dist/, for pip or pipx
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

.PHONY: settings
settings: setup-dev ## generate .env.example and the tables of docs/settings.md from runtime/catalogue.py
	@$(BIN)/python -m deploy.settings

.PHONY: messages
messages: setup-dev ## update and compile the pages' translations, and print what is not translated yet
	@$(BIN)/python -m tests.messages

.PHONY: format
format: setup-dev dashboard/node_modules/.package-lock.json ## format the Python and TypeScript code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent format

dashboard/node_modules/.package-lock.json: dashboard/package-lock.json | setup-dev
	cd dashboard && PATH=$(BIN):$$PATH npm ci --no-audit --no-fund

.PHONY: dashboard
dashboard: dashboard/node_modules/.package-lock.json ## build the pages' script into services/api/static
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent build

.PHONY: dashboard-test
dashboard-test: dashboard/node_modules/.package-lock.json ## test the pages' script
	cd dashboard && PATH=$(BIN):$$PATH npm test --silent

.PHONY: dashboard-check
dashboard-check: dashboard/node_modules/.package-lock.json ## check style and types of the pages' script, and that its committed build is up to date
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent check
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent check-build

.PHONY: screenshots
screenshots: setup-dev ## take pictures of every page for docs/screenshots, from a demo of 50 nodes (8 minutes)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	@$(BIN)/python -m tests.browser.screenshots

.PHONY: lock
lock: setup-dev ## lock the dependencies in requirements/*.in again, with hashes and without index addresses
	@cd requirements && for name in dev api ws collector simulator local valkey build client-oldest; do \
		echo "locking $$name"; \
		constraint=; case $$name in dev|client-oldest) ;; *) constraint='-c dev.txt' ;; esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			$$constraint $$name.in -o $$name.txt || exit 1; \
	done

.PHONY: clean
clean: ## remove generated files and environments; the data stay
	rm -rf $(VENV) dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dashboard/node_modules tests/clients/node_modules bench/push/peers/node/node_modules

##@ Measure

# Warn about variables of benchmarks on the command line that the target ignores. $(1): the variables that it takes.
WARN_IGNORED = @$(foreach name,$(filter-out $(1),QUICK ONLY WRITE PATIENT GATEWAY NODES SIMULATE MINUTES),$(if \
	$(findstring command,$(origin $(name))),echo "$(name) is ignored: make $@ does not take this variable" >&2;))

.PHONY: bench
bench: setup-dev ## compare the push path with Node, python-socketio and a bare write loop (needs a C compiler; 20 minutes)
	$(call WARN_IGNORED,QUICK ONLY WRITE)
	@$(BIN)/python -m bench.push $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-access
bench-access: setup-dev ## measure the cost of closed access against its limits (10 minutes; PATIENT=1: wait for a quiet machine)
	$(call WARN_IGNORED,QUICK ONLY PATIENT WRITE)
	@$(BIN)/python -m bench.access $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(PATIENT),--patient) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-slow
bench-slow: setup-dev ## measure the effect of 500 slow clients on others (2 minutes)
	$(call WARN_IGNORED,QUICK WRITE)
	@$(BIN)/python -m bench.slow_requests $(if $(QUICK),--quick) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-attacks
bench-attacks: setup-dev ## measure the effect of an attack from one address on others (10 minutes; ONLY=…: some attacks; GATEWAY=haproxy: if installed)
	$(call WARN_IGNORED,QUICK ONLY GATEWAY WRITE)
	@$(BIN)/python -m bench.attacks $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") $(if $(GATEWAY),--gateway "$(GATEWAY)") $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-footprint
bench-footprint: setup-dev ## measure the CPU and memory of each idle process
	$(call WARN_IGNORED,QUICK)
	@$(BIN)/python -m bench.footprint $(if $(QUICK),--seconds 10)

.PHONY: bench-collector
bench-collector: setup-dev ## compare the cost of a scrape with the last release and prometheus_client (15 minutes; NODES=…, SIZES=5.5,31,104, RUNS=…, SECONDS=…; MINUTES=10: this release alone)
	$(call WARN_IGNORED,QUICK NODES MINUTES WRITE)
	@$(BIN)/python -m bench.collector $(if $(QUICK),--quick) $(if $(NODES),--nodes $(NODES)) $(if $(SIZES),--sizes $(SIZES)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-round
bench-round: setup-dev ## measure a ws replica's own work for a round of 1000 and 4000 nodes, beside the last release (4 minutes; NODES=…)
	$(call WARN_IGNORED,QUICK NODES)
	@$(BIN)/python -m bench.round $(if $(NODES)$(QUICK),--nodes $(or $(NODES),200)) $(if $(QUICK),--runs 2)

.PHONY: bench-dashboard
bench-dashboard: setup-dev ## measure pages with 1000 nodes in 40 racks in Chromium: first paint, longest task, memory (MINUTES=10 for each of four)
	$(call WARN_IGNORED,QUICK MINUTES)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	@$(BIN)/python -m bench.dashboard --minutes $(or $(MINUTES),$(if $(QUICK),0.5,2))

.PHONY: bench-disk
bench-disk: setup-dev ## measure how much the containers write to disk per hour (needs a Docker engine and root; 20 minutes)
	$(call WARN_IGNORED,QUICK)
	docker compose --profile demo build --quiet
	@$(BIN)/python -m bench.disk $(if $(QUICK),--seconds 20)

.PHONY: bench-operations
bench-operations: setup-dev ## measure the effect of restarts, scaling and failures of containers on open pages (needs a Docker engine and root; 10 minutes; ONLY=…)
	$(call WARN_IGNORED,ONLY QUICK)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	@$(BIN)/python -m bench.operations $(if $(QUICK),--clients 10) $(if $(ONLY),--only "$(ONLY)")

.PHONY: bench-history
bench-history: setup-dev ## measure the memory and time of the history of 1000 nodes in Redis (NODES=…; 3 minutes)
	$(call WARN_IGNORED,QUICK NODES)
	@$(BIN)/python -m bench.history_memory $(if $(NODES)$(QUICK),--nodes $(or $(NODES),100))
