# People and CI run the same commands. VENV can name an environment made elsewhere.
PYTHON ?= python3
VENV ?= .venv
# Of a path with spaces $(abspath) would make several, and so would a shell where BIN or VENV stands without quotes.
BIN := $(if $(filter /%,$(firstword $(VENV))),$(VENV),$(CURDIR)/$(VENV))/bin
export PATH := $(BIN):$(PATH)
.DEFAULT_GOAL := help
.PHONY: help audit setup setup-ray self-check check init params plan repro more report export track calibrate test test-slow test-browser wheel-test lint cases scenarios smoke lock review fresh faults verify bench image image-gpu image-cpu-ray image-gpu-ray

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup:  ## create the environment from requirements.txt, when it changed
	@cmp -s requirements.txt "$(VENV)/requirements.installed" || { \
	  $(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 14) and "Python 3.11 to 3.13 is needed, this is %d.%d; set PYTHON=" % v[:2])' && \
	  $(PYTHON) -m venv "$(VENV)" && \
	  "$(BIN)/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.txt && \
	  cp requirements.txt "$(VENV)/requirements.installed"; }

setup-ray: setup  ## add Ray to the environment, for a cluster (docs/cluster.md) and for `make test-slow`
	@cmp -s requirements-ray.txt "$(VENV)/requirements-ray.installed" || { \
	  "$(BIN)/python" -m pip install --disable-pip-version-check --require-hashes -r requirements-ray.txt && \
	  cp requirements-ray.txt "$(VENV)/requirements-ray.installed"; }

# What users name reaches the command as it was typed: never through make's own expansion, never through a shell's.
OPTIONS := MODEL WEIGHTS DATA MODULE GROUPS RANGE OUT VAL TEST SAW HISTORY PREPROCESS OUTPUT MUTE MINUTES HALF BUDGET PARTIAL JOBS VARIANT BLOCK BLOCKS FOLLOW_UP BASE CONFIRM LINK FORMAT TO STORE ROUNDS TORCH KILLS SEED DRY LOWEST ONLY ARGS
$(foreach name,$(OPTIONS),$(if $(value $(name)),$(eval export OPTION_$(name) := $$(value $(name))),$(eval unexport OPTION_$(name))))
unexport $(OPTIONS)
VALGAP := "$(BIN)/python" -m valgap
option = $${OPTION_$(1):+$(2) "$$OPTION_$(1)"}
flag = $${OPTION_$(1):+$(2)}
words = $$OPTION_ARGS# split at spaces, and no more than that: recipes with it begin with `set -f`

check: setup  ## your saved model on your images, trains nothing: MODEL=my.keras DATA=folder [SAW=0.99,0.32] [HISTORY=file] [OUT=folder] ...
	@$(VALGAP) check $(call option,VAL,--val) $(call option,TEST,--test) $(call option,SAW,--saw) $(call option,HISTORY,--history) $(call option,PREPROCESS,--preprocess) $(call option,OUTPUT,--output) $(call option,MUTE,--mute) $(call option,MINUTES,--minutes) $(call option,MODULE,--module) $(call option,GROUPS,--groups) $(call option,RANGE,--range) $(call option,OUT,--out) -- $(call option,MODEL) $(call option,DATA)

init: setup  ## write a params.yaml for DATA=photos [MODEL=my.net:build] [WEIGHTS=file] [BUDGET=1h] [OUT=folder]
	@$(VALGAP) init $(call option,DATA,--data) $(call option,MODEL,--model) $(call option,WEIGHTS,--weights) $(call option,BUDGET,--budget) $(call option,OUT,--out)

params: setup  ## the whole of params.yaml with every default, or of one VARIANT=dropout
	@$(VALGAP) params $(call option,VARIANT,--variant)

plan: setup  ## what a run costs and can show; BUDGET=2h: what to train in that time
	@$(VALGAP) plan $(call option,BUDGET,--budget)

repro: setup  ## run what is out of date of the pipeline, a cell a core at once, or JOBS=1; over an hour needs BUDGET=4h; ARGS= are passed to `dvc repro`
	@set -f; exec $(VALGAP) repro $(call option,BUDGET,--budget) $(call option,JOBS,--jobs) $(words)

more: setup  ## train a variant on fresh replicates: VARIANT=dropout [BLOCKS=1] [BUDGET=4h]; FOLLOW_UP=1: add the arms that the report asks for; DRY=1 only prints
	@$(VALGAP) more $(call option,VARIANT,--variant) $(call option,BLOCKS,--blocks) $(call flag,FOLLOW_UP,--follow-up) $(call option,BUDGET,--budget) $(call flag,DRY,--dry)

report: setup  ## remake reports/report.html from the tables in Git, in seconds; PARTIAL=1: of what is trained so far
	@$(VALGAP) report $(call flag,PARTIAL,--partial)

export: setup  ## train VARIANT=dropout once on training and validation images: [OUT=export]/<variant>/model.keras and its card
	@$(VALGAP) export $(call option,VARIANT,--variant) $(call option,OUT,--out)

track: setup  ## write reports/ and runs/ into a tracker: TO=mlflow|tensorboard [STORE=sqlite:///mlflow.db]
	@$(VALGAP) track $(call option,TO,--to) $(call option,STORE,--store)

# Make itself ends with 2 whatever fails; `valgap review` ends with 1 on a failed gate, 2 on a usage error.
review: setup  ## what this branch does to the results: BASE=<rev> [OUT=folder] [FORMAT=json] [CONFIRM=1 trains what improved afresh]
	@$(VALGAP) review $(call option,BASE,--base) $(call option,CONFIRM,--confirm) $(call option,OUT,--out) $(call option,LINK,--link) $(call option,FORMAT,--format)

fresh: setup  ## do dvc.lock and reports/ belong to the code beside them? Needs no data
	@$(VALGAP) fresh

# Commands that tests start leave cores idle in turn: hence more processes than two cores have. tests/conftest.py says
# what goes to which.
PYTEST := "$(BIN)/python" -m pytest -n 4 --dist loadgroup --no-loadscope-reorder

test: setup lint  ## lint, types and all tests that take seconds
	@set -f; exec $(PYTEST) -m 'not browser and not slow' $(words)

test-slow: setup-ray  ## stories of many trainings, kills, a Ray cluster, the benchmark: the tests that `make test` leaves out
	@set -f; exec $(PYTEST) -m slow $(words)

test-browser: setup  ## the HTML report in Chromium, which must be installed, with its driver
	@set -f; exec "$(BIN)/python" -m pytest -m browser $(words)

lint: setup
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"

cases: setup  ## what `check` says of 135 programs whose fault is known, against the truth: [HALF=even|odd]
	@"$(BIN)/python" -m tests.cases $(call option,HALF,--half)

scenarios: setup  ## 29 planted scenarios of known truth, for hours: is the right cause named? [ONLY=name or pattern] [JOBS=2]
	@"$(BIN)/python" -m tests.scenarios $(call option,ONLY,--only) $(call option,JOBS,--jobs)

# Without ONLY and HALF the whole of it, by a pipeline of its own, which writes reports/calibration.md.
calibrate: setup  ## plant faults and count right answers, for hours: [ONLY=sample, or a fault, kind, name] [HALF=rules|judged] [JOBS=2]
	@if [ -n "$$OPTION_ONLY$$OPTION_HALF" ]; then \
	  exec $(VALGAP) calibrate $(call option,ONLY,--only) $(call option,HALF,--half) $(call option,JOBS,--jobs); \
	else cd calibration && exec $${OPTION_JOBS:+env "JOBS=$$OPTION_JOBS"} "$(BIN)/dvc" repro; fi

smoke: setup  ## the whole pipeline at toy scale in a scratch copy
	@"$(BIN)/python" -m tests.smoke

faults: setup  ## kill -9 at random moments of runs with JOBS=2, and compare the bits: [KILLS=20] [SEED=1]
	@"$(BIN)/python" -m tests.faults $(call option,KILLS,--kills) $(call option,SEED,--seed)

verify: setup  ## train variants again from nothing and compare with reports/: [VARIANT=dropout, or all, or random] [BLOCK=0] [BASE=<rev>]
	@$(VALGAP) verify $(call option,VARIANT,--variant) $(call option,BLOCK,--block) $(call option,BASE,--base)

bench: setup  ## images a second of this suite beside stock Keras and PyTorch: [ROUNDS=5] [TORCH=/path/to/python]
	@"$(BIN)/python" -m benchmarks $(call option,ROUNDS,--rounds) $(call option,TORCH,--torch)

self-check: setup  ## can this machine train here? One line, or what is in the way
	@$(VALGAP) selfcheck

image:  ## build the container image for CPUs, with docker, podman or buildah; ARGS= are passed to its build
	@set -f; exec container/build cpu $(words)

image-gpu:  ## build the container image for NVIDIA GPUs
	@set -f; exec container/build gpu $(words)

image-cpu-ray image-gpu-ray: image-%:  # the same with Ray, for nodes of a cluster
	@set -f; exec container/build $* $(words)

wheel-test:  ## build the wheel, install it into an empty environment, run it in an empty folder: [LOWEST=1 at its lower bounds]
	@$(PYTHON) -m tests.wheel $(call flag,LOWEST,--lowest)

# No release mends these: docs/trust.md says when each may go.
UNMENDED := CVE-2025-69872# diskcache, which dvc-data asks for: who can write DVC's site cache can run code

audit: setup  ## are vulnerabilities known of what is locked? Asks the package index
	@for lock in requirements.txt requirements-gpu.txt requirements-ray.txt; do \
	  echo "$$lock" && "$(BIN)/uv" tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes $(UNMENDED:%=--ignore-vuln %) -r "$$lock" || exit; done

# `make lock ARGS=--upgrade` takes the newest releases that the .in files allow; docs/dependencies.md says what to look at.
lock: setup  ## compile requirements*.in to hash-locked, universal files: [ARGS=--upgrade, or --upgrade-package=pillow]
	@set -f; "$(BIN)/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' requirements-train.in -o requirements-train.txt $(words)
	@set -f; "$(BIN)/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -c requirements-train.txt requirements.in -o requirements.txt $(words)
	@set -f; "$(BIN)/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -c requirements-train.txt requirements-gpu.in -o requirements-gpu.txt $(words)
	@set -f; "$(BIN)/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -c requirements.txt requirements-ray.in -o requirements-ray.txt $(words)
