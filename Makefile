# The only entry point, for people and CI. `make` alone explains itself.

# The first Python that is new enough; PYTHON=… chooses another.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))) python3)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
BROWSER ?= 1
EXPORTER ?= 1
PYTEST_ARGS ?=

LEFT_OUT := $(if $(filter 0,$(BROWSER)),--deselect=tests/browser) \
	$(if $(filter 0,$(EXPORTER)),--ignore=tests/system/test_exporter.py) \
	$(if $(filter 0,$(PROMTOOL)),--ignore=deploy/prometheus)

# Tests mostly wait. The tests of a file stay together, and files begin in the order of testpaths: long ones first.
SIDE_BY_SIDE := --numprocesses=auto --dist=loadfile --no-loadscope-reorder
TWO_AT_A_TIME := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help
help:
	@printf 'DispyCluster Live\n'
	@sed -nE 's/^##@ (.*)/\n\1\n/p; s/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 26
	@printf '\nSettings: PORT, PUBLIC_HOST, ACCESS, TARGETS, DEMO_NODES, REDIS_URL, DATA_DIR and others: docs/settings.md\n'

##@ Run it

.PHONY: run
run: setup ## this machine, live, on http://localhost:8085 (PORT=… for another port, DEMO_NODES=50 for simulated nodes)
	@exec $(BIN)/dispycluster run

.PHONY: status
status: setup ## whether live data flow, one fact a line
	@$(BIN)/dispycluster status

# NAME=… of the command line; some systems have a variable of that name.
COMMA := ,
TO_DO = $(or $(strip $(DO)),add)
NAMED = $(if $(findstring command,$(origin NAME)),"$(NAME)",$(if $(filter-out list,$(TO_DO)),$(error It takes a name, for instance: make $@ NAME=$(1)$(if $(DO), DO=$(TO_DO)))))
GOOD_FOR = $(if $(filter add,$(TO_DO)),$(patsubst %,--scope %,$(subst $(COMMA), ,$(SCOPES))) $(addprefix --days ,$(strip $(DAYS))))

# What a variable may say: $(call ONE_OF,DO,$(DO),add remove) is empty, or ends make with what DO takes.
ONE_OF = $(if $(filter-out $(3),$(2)),$(error $(1)=$(strip $(filter-out $(3),$(2))) is not known to make $@: $(1) is one of $(3)))

.PHONY: user
user: setup ## let somebody sign in to what make run shows: make user NAME=ada (DO=password, remove, sign-out or list)
	@$(call ONE_OF,DO,$(DO),add password remove sign-out list)$(BIN)/dispycluster user $(TO_DO) $(call NAMED,ada)

.PHONY: token
token: setup ## a token for a program: make token NAME=backup SCOPES="read publish" DAYS=90 (DO=rotate, remove or list)
	@$(call ONE_OF,DO,$(DO),add rotate remove list)$(call ONE_OF,SCOPES,$(subst $(COMMA), ,$(SCOPES)),read publish)$(BIN)/dispycluster token $(TO_DO) $(call NAMED,backup) $(GOOD_FOR) $(if $(filter rotate,$(DO)),$(if $(NOW),--now))

.PHONY: access
access: setup ## copies of users and tokens: make access DO=save > access.tar (DO=check, restore, revoked, end-sessions or rotate-key)
	@$(call ONE_OF,DO,$(DO),save check restore revoked end-sessions rotate-key)$(BIN)/dispycluster access $(or $(strip $(DO)),$(error It takes what to do, for instance: make access DO=save > access.tar)) $(if $(filter rotate-key,$(DO)),$(if $(NOW),--now))

.PHONY: restore-local
restore-local: setup ## replace the data of make run, which must not run, by a copy: FILE=dump.rdb; all sessions end; asks first (YES=1 does not)
	@exec $(BIN)/dispycluster restore $(if $(FILE),"$(FILE)") $(if $(YES),--yes)

.PHONY: check-nodes
check-nodes: setup ## a line per node: what is wrong with it (TARGETS=nodes.yaml)
	@$(BIN)/dispycluster check-nodes

.PHONY: install-service
install-service: ## run it around the clock under systemd: sudo make install-service; called again it is the update
	@$(PYTHON) -B -m deploy.local.systemd install $(if $(DESTDIR),--root "$(DESTDIR)")

.PHONY: uninstall-service
uninstall-service: ## remove those services; settings and data stay (PURGE=1 asks and deletes them too)
	@$(PYTHON) -B -m deploy.local.systemd uninstall $(if $(DESTDIR),--root "$(DESTDIR)") $(if $(PURGE),--purge)

##@ Containers

# Needs a Python 3.9 and Docker, but no .venv. -B: with sudo, no caches that belong to root.
COMPOSE = $(PYTHON) -B -m deploy.compose

.PHONY: up
up: ## with Docker: check this machine, start all containers, wait for data, say the URLs (PUBLIC_HOST=0.0.0.0 for others)
	@exec $(COMPOSE) up

.PHONY: down
down: ## stop and remove the containers; the data stay
	@exec $(COMPOSE) down

.PHONY: logs
logs: ## follow what the containers say (SERVICE=ws for one of them)
	@exec $(COMPOSE) logs $(SERVICE)

.PHONY: ps
ps: ## which containers there are, and how they are
	@exec $(COMPOSE) ps

.PHONY: restart
restart: ## start all services again, one after the other (SERVICE=ws for one of them), with settings that have changed
	@exec $(COMPOSE) restart $(SERVICE)

.PHONY: rotate
rotate: ## replace a secret, without a gap: WHAT=redis, session-key, certificate, or token NAME=backup (NOW=1: the former one is worth nothing at once)
	@$(call ONE_OF,WHAT,$(WHAT),redis session-key token certificate)exec $(COMPOSE) rotate $(or $(strip $(WHAT)),$(error It takes a secret, for instance: make rotate WHAT=redis)) $(if $(findstring command,$(origin NAME)),"$(NAME)") $(if $(NOW),--now)

.PHONY: upgrade
upgrade: ## copy the data, build or pull, replace the containers in order, say the way back
	@exec $(COMPOSE) upgrade

.PHONY: backup
backup: ## copy the data into backups/
	@exec $(COMPOSE) backup

.PHONY: restore
restore: ## replace the data by those of a backup: FILE=backups/….tar; asks first (YES=1 does not)
	@exec $(COMPOSE) restore $(if $(FILE),"$(FILE)") $(if $(YES),--yes)

.PHONY: purge
purge: ## remove the containers and the data; asks first (YES=1 does not; IMAGES=1 removes the images too)
	@exec $(COMPOSE) purge $(if $(YES),--yes) $(if $(IMAGES),--images)

.PHONY: bundle
bundle: ## all images and what runs them as one archive in dist/, for machines without a network (ARCH=arm64 for theirs)
	@exec $(COMPOSE) bundle

.PHONY: push
push: ## all images to your registry: REGISTRY=registry.lan:5000; says the lines that take them from there
	@exec $(COMPOSE) push $(if $(REGISTRY),"$(REGISTRY)")

.PHONY: images-offline
images-offline: ## all images without any container registry, from Debian's packages (root; ARCH=arm64 for Raspberry Pi)
	@exec $(PYTHON) -B -m deploy.images.offline

##@ Kubernetes (kubectl apply -k deploy/k8s installs it)

.PHONY: test-k8s
test-k8s: setup-dev ## the manifests on a real cluster: CONTEXT=kind-kind LOAD_IMAGES='kind load docker-image' (docs/kubernetes.md)
	@$(BIN)/python -m tests.kubernetes --check
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	@$(BIN)/python -m tests.kubernetes
	$(BIN)/python -m pytest tests/kubernetes $(TWO_AT_A_TIME) --durations=20 $(PYTEST_ARGS)

##@ Develop

.PHONY: setup
setup: ## make .venv with what the product needs
	@$(PYTHON) deploy/local/bootstrap.py

.PHONY: setup-dev
setup-dev: ## make .venv with what tests and checks need too
	@$(PYTHON) deploy/local/bootstrap.py --dev

.PHONY: test
test: setup-dev ## all tests but those of the manifests, which make check runs, side by side (PYTEST_ARGS=-n0: one by one); BROWSER=0, EXPORTER=0 and PROMTOOL=0 leave those that need a Chromium, a node_exporter or a promtool out
	@$(BIN)/python -m tests.prepare $(if $(filter 0,$(BROWSER)),--without-browser) $(if $(filter 0,$(EXPORTER)),--without-exporter) $(if $(filter 0,$(PROMTOOL)),--without-promtool)
	$(MAKE) --no-print-directory dashboard-test
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --durations=20 $(LEFT_OUT) $(PYTEST_ARGS)

.PHONY: test-integration
test-integration: setup-dev ## the containers: push through the gateway, faults, isolation, data, upgrade (needs a Docker engine)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	$(BIN)/python -m pytest tests/integration $(TWO_AT_A_TIME) --durations=20 $(PYTEST_ARGS)

.PHONY: test-clients
test-clients: setup-dev ## Socket.IO clients in JavaScript, Python, Java and Go, by each transport (needs Java 17, Maven and Go)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool --with-java-and-go
	$(BIN)/python -m pytest tests/clients --numprocesses=auto --durations=20 $(PYTEST_ARGS)

.PHONY: test-arm64
test-arm64: setup-dev ## the Raspberry Pi's images come up and push (root; emulated on other machines, which takes twenty minutes)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool
	@ARCH=arm64 $(PYTHON) -B -m deploy.images.offline
	$(BIN)/python -m pytest tests/arm64 $(PYTEST_ARGS)

.PHONY: test-python313
test-python313: setup-dev ## the in-process tests on Debian 13's Python, in a container (needs a Docker engine; root the first time)
	@$(BIN)/python -m tests.python313 $(if $(BUILD),--build) $(if $(ALL),--all) $(PYTEST_ARGS)

.PHONY: release
release: setup-dev ## give the product a version in every file that names it, and say what comes next: VERSION=0.6.0
	@$(BIN)/python -m deploy.release $(VERSION)

BENCHMARKS := bench bench-access bench-slow bench-attacks bench-collector bench-footprint bench-dashboard bench-history bench-disk bench-operations

# Run it for a change to the code that it covers. DISTURBANCES: how often a test kills, pauses or resumes a process at random.
# FAULT_SECONDS: for how long a proxy before the replicas fails. ATTACK_SECONDS: for how long an attack goes on.
.PHONY: test-long
test-long: export DISTURBANCES ?= 20
test-long: export FAULT_SECONDS ?= 60
test-long: export ATTACK_SECONDS ?= 60
test-long: ## twenty disturbances instead of five, a minute of faults instead of ten seconds, all tests on Python 3.13, every combination of screen, language and cluster, each benchmark in short (needs Docker, Java and Go; CONTEXT=… for Kubernetes; over an hour)
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory test-clients
	$(MAKE) --no-print-directory test-integration
	$(if $(CONTEXT),$(MAKE) --no-print-directory test-k8s)
	$(MAKE) --no-print-directory test-python313 ALL=1
	EVERY_COMBINATION=1 $(BIN)/python -m pytest tests/browser/test_boxes.py
	set -e; for name in $(BENCHMARKS); do $(MAKE) --no-print-directory $$name QUICK=1; done

.PHONY: check
check: setup-dev dashboard-check ## lint, types, translations, manifests, locks, and that the committed dashboard is a fresh build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.messages --check
	@$(BIN)/python -m tests.prepare --for-check
	$(BIN)/python -m pytest tests/manifests $(PYTEST_ARGS)
	$(BIN)/python -m deploy.audit

.PHONY: audit
audit: setup-dev ## whether locked dependencies are known to be vulnerable: asks OSV and the npm registry
	$(if $(ADVISORIES),@echo "ADVISORIES is ignored: make audit asks OSV itself" >&2)
	@$(BIN)/python -m deploy.audit --known

.PHONY: wheel
wheel: setup-dev ## the local mode as one file in dist/, which pipx or pip installs without a checkout
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

.PHONY: settings
settings: setup-dev ## write .env.example and the tables of docs/settings.md from runtime/catalogue.py
	@$(BIN)/python -m deploy.settings

.PHONY: messages
messages: setup-dev ## bring the pages' translations to the templates, say what is left to translate, and compile them
	@$(BIN)/python -m tests.messages

.PHONY: format
format: setup-dev dashboard/node_modules/.package-lock.json ## lay out the Python and TypeScript code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent format

dashboard/node_modules/.package-lock.json: dashboard/package-lock.json | setup-dev
	cd dashboard && PATH=$(BIN):$$PATH npm ci --no-audit --no-fund

.PHONY: dashboard
dashboard: dashboard/node_modules/.package-lock.json ## build the pages' script into services/api/static
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent build

.PHONY: dashboard-test
dashboard-test: dashboard/node_modules/.package-lock.json ## the script's own tests
	cd dashboard && PATH=$(BIN):$$PATH npm test --silent

.PHONY: dashboard-check
dashboard-check: dashboard/node_modules/.package-lock.json ## lint and types of the script, and that its committed build is fresh
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent check
	cd dashboard && PATH=$(BIN):$$PATH npm run --silent check-build

.PHONY: screenshots
screenshots: setup-dev ## pictures of every page for docs/screenshots, from a demo of 50 nodes (takes eight minutes)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	@$(BIN)/python -m tests.browser.screenshots

.PHONY: lock
lock: setup-dev ## lock the dependencies of requirements/*.in anew, with hashes and without addresses
	@cd requirements && for name in dev api ws collector simulator local valkey build client-oldest; do \
		echo "locking $$name"; \
		constraint=; case $$name in dev|client-oldest) ;; *) constraint='-c dev.txt' ;; esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			$$constraint $$name.in -o $$name.txt || exit 1; \
	done

.PHONY: clean
clean: ## remove what was made here, but no data
	rm -rf $(VENV) dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dashboard/node_modules tests/clients/node_modules bench/push/peers/node/node_modules

##@ Measure

# Says of the variables of benchmarks on the command line which of them the target does not take; $(1): those that it takes.
TAKES = @$(foreach name,$(filter-out $(1),QUICK ONLY WRITE PATIENT GATEWAY NODES SIMULATE MINUTES),$(if \
	$(findstring command,$(origin $(name))),echo "$(name) is ignored: make $@ does not take it" >&2;))

.PHONY: bench
bench: setup-dev ## the push path beside Node, python-socketio and a bare write loop (needs a C compiler; twenty minutes)
	$(call TAKES,QUICK ONLY WRITE)
	@$(BIN)/python -m bench.push $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-access
bench-access: setup-dev ## what closed access costs, against its bounds (takes ten minutes; PATIENT=1 waits for a quiet machine)
	$(call TAKES,QUICK ONLY PATIENT WRITE)
	@$(BIN)/python -m bench.access $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(PATIENT),--patient) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-slow
bench-slow: setup-dev ## what others notice while 500 clients send and read slowly (takes two minutes)
	$(call TAKES,QUICK WRITE)
	@$(BIN)/python -m bench.slow_requests $(if $(QUICK),--quick) $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-attacks
bench-attacks: setup-dev ## what others notice while one address attacks (takes ten minutes; ONLY=… for some attacks; GATEWAY=haproxy, where that is installed)
	$(call TAKES,QUICK ONLY GATEWAY WRITE)
	@$(BIN)/python -m bench.attacks $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") $(if $(GATEWAY),--gateway "$(GATEWAY)") $(if $(WRITE),--write "$(WRITE)")

.PHONY: bench-footprint
bench-footprint: setup-dev ## what the product costs while idle, per process
	$(call TAKES,QUICK)
	@$(BIN)/python -m bench.footprint $(if $(QUICK),--seconds 10)

.PHONY: bench-collector
bench-collector: setup-dev ## what scraping costs the collector, beside the last release (takes two minutes; NODES=…, SIMULATE="--…")
	$(call TAKES,QUICK NODES SIMULATE)
	@$(BIN)/python -m bench.collector $(if $(NODES),--nodes $(NODES)) $(if $(QUICK),--nodes 200 --seconds 4) $(if $(SIMULATE),--simulate="$(SIMULATE)")

.PHONY: bench-dashboard
bench-dashboard: setup-dev ## the page of 1000 nodes in Chromium: first paint, longest task, memory (MINUTES=10)
	$(call TAKES,QUICK MINUTES)
	@$(BIN)/python -m tests.prepare --without-exporter --without-promtool
	@$(BIN)/python -m bench.dashboard --minutes $(or $(MINUTES),$(if $(QUICK),0.5,2))

.PHONY: bench-disk
bench-disk: setup-dev ## what the containers write to disk in an hour (needs a Docker engine and root; takes twenty minutes)
	$(call TAKES,QUICK)
	docker compose --profile demo build --quiet
	@$(BIN)/python -m bench.disk $(if $(QUICK),--seconds 20)

.PHONY: bench-operations
bench-operations: setup-dev ## what open pages notice of restarts, scaling and failures of the containers (needs a Docker engine and root; takes ten minutes; ONLY=…)
	$(call TAKES,ONLY QUICK)
	@$(BIN)/python -m tests.prepare --without-browser --without-exporter --without-promtool
	docker compose --profile demo build --quiet
	@$(BIN)/python -m bench.operations $(if $(QUICK),--clients 10) $(if $(ONLY),--only "$(ONLY)")

.PHONY: bench-history
bench-history: setup-dev ## what the history of 1000 nodes takes of Redis's memory and time (NODES=…; takes three minutes)
	$(call TAKES,QUICK NODES)
	@$(BIN)/python -m bench.history_memory $(if $(NODES)$(QUICK),--nodes $(or $(NODES),100))
