# What one needs to remember. Everything works on a fresh Debian machine with Rust; `make setup` installs the rest (as root).

CORPUS ?= ../shared/corpus/cases
STACKS ?= examples/stacks
TARGET ?= loader dotenv interpolation
SECONDS_EACH ?= 60
CARGO ?= cargo

.DEFAULT_GOAL := build
.PHONY: setup build images test check unit docs conformance demo demo-down bench compat fuzz hard clean-lab torture simulate engines soak

setup: ## install what is missing, start an engine if none answers
	scripts/setup.sh

build: ## target/release/reconcile
	$(CARGO) build --release --locked

images: setup ## every image that the tests and the examples need
	scripts/images.sh test
	scripts/images.sh examples

test: setup check unit conformance ## what CI runs

check: ## format and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --test simulate --test torture -- -D warnings

unit: setup ## all tests, also those against a real engine and, where it can be had, beside docker compose
	scripts/images.sh test
	@[ -x .lab/compose/docker-compose ] || scripts/reference-compose.sh .lab/compose || echo "tests beside docker compose are skipped"
	@scripts/schemathesis.sh || echo "the test with schemathesis is skipped"
	RECONCILE_TEST_ENGINE=required \
	  RECONCILE_TEST_COMPOSE="$$([ -x .lab/compose/docker-compose ] && echo $(CURDIR)/.lab/compose/docker-compose)" \
	  $(CARGO) test --locked

docs: setup ## the parts of the manual that the program makes
	scripts/images.sh test
	UPDATE=1 RECONCILE_TEST_ENGINE=required $(CARGO) test --locked --test it -- docs::

conformance: ## every case of the corpus in CORPUS, if it is there
	@if [ -d "$(CORPUS)" ]; then \
	  CORPUS="$(abspath $(CORPUS))" $(CARGO) test --locked --test conformance -- --nocapture; \
	else echo "conformance: no corpus at $(CORPUS), skipped (CORPUS=DIR names one)"; fi

demo: setup build ## the five deployments, a change, and the proof that only it was applied
	scripts/images.sh examples
	scripts/demo.sh

demo-down: ## remove what the demo left running; volumes stay
	scripts/demo.sh --down

compat: setup ## all attributes, held against what docker compose makes of them
	scripts/images.sh test
	RECONCILE_TEST_COMPOSE="$${RECONCILE_TEST_COMPOSE:-$$(scripts/reference-compose.sh)}" RECONCILE_TEST_ALL=1 \
	  $(CARGO) test --locked --test it same_container -- --nocapture

fuzz: ## TARGET (loader, dotenv, interpolation; all side by side) for SECONDS_EACH seconds
	SECONDS_EACH=$(SECONDS_EACH) scripts/fuzz.sh $(TARGET)

hard: ## inputs made to break the loader, at full size, with time and memory of each
	HARD_SIZE=$(or $(HARD_SIZE),100) $(CARGO) test --release --locked --test it -- hard:: --nocapture

bench: setup build
	scripts/images.sh test
	scripts/bench.sh

simulate: ## the proof on the simulated engine: histories of SEEDS=N random stacks, or of SEED=N alone
	$(if $(SEEDS),SEEDS=$(SEEDS)) $(if $(SEED),SEED=$(SEED)) $(CARGO) test --locked --profile simulate --test simulate

torture: setup ## the proof on real engines: faults, kills, restarts, full disks; about 20 minutes, see scripts/torture.sh
	scripts/torture.sh

soak: setup build ## the daemon under steady change for SOAK_MINUTES=5 minutes: the right state at the end, and nothing left over
	scripts/images.sh test
	scripts/soak.sh

engines: setup ## the tests on engines of other versions and makers; ENGINES="20 26 28 podman4 podman5", see scripts/engines.sh
	scripts/engines.sh $(ENGINES)

clean-lab: ## remove .lab and the images made here
	scripts/clean-lab.sh
