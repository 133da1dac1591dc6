# BeatStitch: `make demo` shows it, `make test` proves it, `make help` lists the rest.
# Needs Linux x86-64, Python 3.11 to 3.13 with venv, and make. Everything else comes from the
# Python package index, pinned in constraints.txt, into .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The first that fits; python3, with a word on what is wrong, where none does.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
            $(shell $(name) tools/check_python.py 2> /dev/null && echo $(name))) python3)
VENV := .venv
BIN := $(VENV)/bin
STATE ?= .beatstitch
JOBS ?= auto

ROOMS := libs/protos libs/core libs/runtime libs/media libs/client libs/stack libs/samples \
         services/gateway services/analyzer services/timeline services/renderer
# madmom's models are CC BY-NC-SA 4.0: `make MADMOM= demo` leaves them out, everything else works.
MADMOM ?= [madmom]
EDITABLE := $(foreach room,$(ROOMS),-e ./$(room)$(if $(filter services/analyzer,$(room)),$(MADMOM)))
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
STAMP := $(VENV)/.installed

.PHONY: upgrade-drill fuzz help setup demo test test-unit test-int test-e2e chaos check lint types proto docs gallery constraints \
        dev images image-smoke prod logs logs-worker migrate backup restore shell-api shell-worker clean \
        fuzz-media bench bench-gateway bench-timeline bench-edits bench-ingest bench-frames bench-render bench-handover bench-capacity bench-beats

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 16

$(STAMP): constraints.txt pyproject.toml $(foreach room,$(ROOMS),$(room)/pyproject.toml) libs/protos/generate_stubs.py $(shell find protos -name '*.proto')
	@echo "Setting up $(VENV) (a minute or two the first time)…"
	@test -x $(BIN)/python || { python=$(PYTHON); \
	  $$python tools/check_python.py $$python && $$python -m venv $(VENV); }
	@$(PIP) install -c constraints.txt --upgrade pip
	@$(PIP) install -c constraints.txt --group build
	@$(PIP) install -c constraints.txt --group dev --no-build-isolation $(EDITABLE)
	@touch $@

setup: $(STAMP) ## Install everything into .venv

demo: $(STAMP) ## Compose a song and pictures, make a video of them, show what came out
	@$(BIN)/python tools/demo.py --out demo-out

test: $(STAMP) ## All tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-unit: $(STAMP) ## Only what needs no server
	@$(BIN)/python -m pytest -m unit -n $(JOBS)

test-int: $(STAMP) ## One room at a time against real servers, and the whole system
	@$(BIN)/python -m pytest -m "service or e2e" -n $(JOBS) --dist loadfile

test-e2e: $(STAMP) ## The whole system
	@$(BIN)/python -m pytest -m e2e -n $(JOBS) --dist loadfile

chaos: $(STAMP) ## Faults under load; SEED=7 JOBS=400 MINUTES=10 NODES=3 make the random part long
	@CHAOS_SEED=$(SEED) CHAOS_JOBS=$(filter-out auto,$(JOBS)) CHAOS_MINUTES=$(MINUTES) CHAOS_NODES=$(NODES) \
	  $(BIN)/python -m pytest -m chaos -s

RELEASE = .releases/$(FROM)

upgrade-drill: $(STAMP) ## A rolling upgrade from another commit, and back, under a batch; FROM=COMMIT
	@test -n "$(FROM)" || { echo "say from which: make upgrade-drill FROM=COMMIT"; exit 2; }
	@test -d $(RELEASE) || { git clone -q . $(RELEASE) && git -C $(RELEASE) checkout -q $(FROM); }
	@$(MAKE) -C $(RELEASE) setup
	@ROLLING_FROM=$(CURDIR)/$(RELEASE)/$(BIN)/python ROLLING_JOBS=$(or $(COUNT),40) \
	  $(BIN)/python -m pytest -s tests/chaos/test_rolling_restart.py

fuzz: $(STAMP) ## Hostile requests to every RPC of the running system; COUNT=200 a method, SEED=1
	@FUZZ_EXAMPLES=$(or $(COUNT),200) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/e2e/test_fuzz.py -o log_cli=true -o log_cli_level=INFO --timeout 0

check: $(STAMP) lint types ## All that CI checks besides the tests
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code
	@$(BIN)/buf breaking --against protos/baseline.binpb
	@for image in protos/released/*.binpb; do $(BIN)/buf breaking --against $$image || exit 1; done
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/api_reference.py --check
	@$(BIN)/python tools/error_catalogue.py --check
	@$(BIN)/python tools/settings_reference.py --check
	@$(BIN)/python tools/metrics_reference.py --check
	@$(BIN)/python tools/capacity_tables.py --check
	@$(BIN)/python tools/house_rules.py
	@echo "check: all good"

lint: $(STAMP)
	@$(BIN)/ruff format --check -q . || ($(BIN)/ruff format --check .; exit 1)
	@$(BIN)/ruff check -q .

types: $(STAMP)
	@$(BIN)/mypy $(foreach room,$(filter-out libs/protos,$(ROOMS)),$(room)/src) tools

proto: $(STAMP) ## Generate the stubs again after a change in protos/
	@$(BIN)/python libs/protos/generate_stubs.py 2>/dev/null
	@$(BIN)/buf lint
	@$(BIN)/buf format --write

docs: $(STAMP) ## Generate docs/api.md, errors.md, settings.md and the tables in observability.md and capacity.md
	@$(BIN)/python tools/api_reference.py
	@$(BIN)/python tools/error_catalogue.py
	@$(BIN)/python tools/settings_reference.py
	@$(BIN)/python tools/metrics_reference.py
	@$(BIN)/python tools/capacity_tables.py

gallery: $(STAMP) ## Draw docs/gallery: contact sheets of all that the renderer can show
	@$(BIN)/python tools/gallery.py

bench: bench-gateway bench-timeline bench-edits bench-ingest bench-frames bench-render bench-capacity ## All benches but bench-beats; run it on a quiet machine

bench-gateway: $(STAMP) ## What the gateway costs over bare gRPC, JetStream and S3, and how it bears a crowd
	@$(BIN)/python bench/gateway_bench.py $(if $(ONLY),--only $(ONLY))

bench-timeline: $(STAMP) ## Seconds of building and editing timelines, and how they grow
	@$(BIN)/python bench/timeline_bench.py

bench-edits: $(STAMP) ## Milliseconds of an edit through the gateway, on 1,000 segments
	@$(BIN)/python bench/edit_latency_bench.py

bench-ingest: $(STAMP) ## A clip's ingest, against bare decoding
	@$(BIN)/python bench/ingest_bench.py

bench-capacity: $(STAMP) ## What songs, clips, photos, timelines and renders cost, by process
	@$(BIN)/python bench/capacity_bench.py

bench-frames: $(STAMP) ## Milliseconds of single frames, warm
	@$(BIN)/python bench/frame_bench.py

bench-render: $(STAMP) ## Speed and memory of a render, against a bare encode
	@$(BIN)/python bench/render_bench.py
	@$(BIN)/python bench/render_memory.py
	@$(BIN)/python bench/render_fleet.py

bench-handover: $(STAMP) ## Seconds that the work of a killed worker lies still, by the length of leases; takes five minutes
	@$(BIN)/python bench/handover_bench.py

fuzz-media: $(STAMP) ## Damaged media through the children that read it; COUNT=1000 SEED=0
	@BEATSTITCH_MUTATIONS=$(or $(COUNT),1000) BEATSTITCH_MUTATIONS_SEED=$(or $(SEED),0) \
		$(BIN)/python -m pytest -q -s --timeout=0 tests/service/renderer/test_mutations.py

bench-beats: $(STAMP) ## Accuracy, speed and memory of the beat trackers; SCRATCH=dir keeps the songs
	@$(BIN)/python bench/beats_bench.py $(if $(SCRATCH),--scratch $(SCRATCH))

constraints: ## Pin what a fresh environment resolves to
	@tools/pin_constraints.sh

dev: $(STAMP) ## The whole system on this machine, data kept in $(STATE)
	@$(BIN)/beatstitch up --state $(STATE)

images: ## Build the four images with podman or docker; BASE_IMAGE=NAME@sha256:… is the Python they stand on
	@EXTRAS="$(MADMOM)" deploy/images/build.sh

image-smoke: ## Run each image with a read-only root and no network (podman; skipped without it)
	@deploy/images/smoke.sh

# Where the next ones work: here on `make dev`'s data, or, with NAMESPACE=beatstitch (KUBE=kubectl, OVERLAY=prod),
# in kubectl's current context.
NAMESPACE ?=
OVERLAY ?= prod
KUBE ?= kubectl
CLUSTER = NAMESPACE=$(or $(NAMESPACE),beatstitch) OVERLAY=$(OVERLAY) KUBE="$(KUBE)" deploy/cluster.sh
HERE = test -f $(STATE)/env || (echo "nothing runs in $(STATE): start 'make dev' first, or name a cluster's: NAMESPACE=beatstitch"; exit 2)

prod: ## Deploy OVERLAY to kubectl's current context and wait until it serves
	@$(CLUSTER) deploy

logs: ## Follow all logs of `make dev`, or of NAMESPACE
	@$(if $(NAMESPACE),$(CLUSTER) logs,tail -n 50 -F $(STATE)/services/*.log)

logs-worker: ## Follow the workers' logs of `make dev`, or of NAMESPACE
	@$(if $(NAMESPACE),$(CLUSTER) logs-worker,tail -n 50 -F $(STATE)/services/{analyzer,timeline,renderer}*.log)

migrate: $(STAMP) ## Bring the database at BEATSTITCH_DATABASE_URL, or of NAMESPACE, to the newest schema
	@$(if $(NAMESPACE),$(CLUSTER) migrate,test -n "$$BEATSTITCH_DATABASE_URL" || (echo "set BEATSTITCH_DATABASE_URL (make dev migrates its own database by itself)"; exit 2))
	@$(if $(NAMESPACE),,$(BIN)/python -m beatstitch_gateway.migrate)

BACKUPS ?= backups
POSTGRES_BIN = $$($(BIN)/python -c "from beatstitch_stack import tools; print(tools.pg_dump().parent)")

backup: $(STAMP) ## Back up the running `make dev` below BACKUPS, or start NAMESPACE's backup job now
	@$(if $(NAMESPACE),$(CLUSTER) backup,$(HERE))
	@$(if $(NAMESPACE),,. $(STATE)/env && BEATSTITCH_POSTGRES_BIN=$(POSTGRES_BIN) $(BIN)/python -m beatstitch_gateway.backup make $(BACKUPS))

restore: $(STAMP) ## Restore FROM=BACKUPS/TIME into a new `make dev` (its STATE must not exist), or into NAMESPACE
	@test -n "$(FROM)" || (echo "say which backup: make restore FROM=$(BACKUPS)/TIME"; exit 2)
	@$(if $(NAMESPACE),$(CLUSTER) restore $(FROM),$(BIN)/python tools/restore_dev.py $(STATE) $(FROM))

shell-api: $(STAMP) ## A Python prompt with a client of the running `make dev`
	@$(if $(NAMESPACE),$(CLUSTER) shell-api,$(HERE))
	@$(if $(NAMESPACE),,. $(STATE)/env && $(BIN)/python -i tools/shell_api.py)

shell-worker: $(STAMP) ## A Python prompt with storage and queue of the running `make dev`
	@$(if $(NAMESPACE),$(CLUSTER) shell-worker,$(HERE))
	@$(if $(NAMESPACE),,. $(STATE)/env && $(BIN)/python -i tools/shell_worker.py)

clean: ## Remove what the demo, the benches and the tools left behind (not .venv, not $(STATE))
	@rm -rf demo-out bench-out .releases .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
