# Smart Shield for Kubernetes. `make help` lists what there is; `make demo` and `make test` need nothing but this checkout.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCAL := PYTHONPATH=tests/cluster $(BIN)/python -m
NAME ?= demo
PYTEST := $(BIN)/python -m pytest
PYX := proxy/shield_proxy/wire/fast/_fast.pyx

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed. Mend: apt-get install python3 python3-venv, or make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "installing python3-venv ..."; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null; } || { \
	    echo "python3-venv is missing and could not be installed. Mend (as root): apt-get install python3-venv"; exit 1; }; }
	@echo "making $(VENV) with the locked dependencies ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: fast  ## make .venv with the console scripts, and the compiled fast path where a C compiler is

# Built anew when its source is newer; without a compiler the pure one runs.
fast: $(READY)
	@if command -v $${CC:-cc} >/dev/null && [ -z "$$(find proxy/shield_proxy/wire -name '_fast.*.so' -newer $(PYX))" ]; then \
	  echo "compiling the fast path ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . && \
	  find proxy/shield_proxy/wire -name '_fast.*.so' -exec touch {} +; \
	fi

fmt: $(READY)  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)  ## style, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python helm/generate_crds.py --check

types: $(READY)  ## mypy --strict
	$(BIN)/mypy
	$(BIN)/mypy tests/cluster/localcluster tests/cluster/product tests/cluster/demo.py tests/cluster/scale.py
	$(BIN)/mypy bench
	$(BIN)/mypy helm/generate_crds.py requirements/slim.py helm/smart-shield/files/check.py tests/chart

unit: fast  ## pure code and single processes, seconds
	$(PYTEST) tests/unit
	SHIELD_PURE=1 $(PYTEST) tests/unit/wire tests/unit/store

wire: packages fast  ## real sockets on loopback
	$(PYTEST) tests/wire
	SHIELD_PURE=1 $(PYTEST) tests/wire/test_server_*.py tests/wire/test_malformed_requests.py

scenarios: packages fast  ## tiers of real proxies, a real origin and a real Redis on loopback
	$(PYTEST) tests/scenarios

packages: $(READY)  ## install the system packages that tests and the local cluster need
	@$(LOCAL) localcluster packages

prepare: packages  ## build Kubernetes, CoreDNS, helm and the base images into the cache
	@$(LOCAL) localcluster prepare

chart: prepare  ## the chart, rendered and checked
	$(PYTEST) tests/chart

cluster: prepare  ## everything on a real multi-node cluster of its own
	$(PYTEST) tests/cluster --timeout 900

test: lint types unit wire scenarios chart cluster  ## everything above

cluster-up: prepare  ## start a local cluster (NAME=demo)
	@$(LOCAL) localcluster up --name $(NAME)

cluster-down: $(READY)  ## end it, leaving nothing behind
	@$(LOCAL) localcluster down --name $(NAME)

cluster-status: $(READY)  ## what runs
	@$(LOCAL) localcluster status --name $(NAME)

image: prepare  ## build the product's image into the cache and report its size
	@$(LOCAL) product.install

demo: prepare  ## cluster, image, chart, example zone, traffic; leaves it running
	@$(LOCAL) demo

demo-down: $(READY)  ## end the demo
	@$(LOCAL) localcluster down --name demo

bench: packages  ## measure beside nginx, HAProxy, Varnish and Traffic Server (ARGS=--help)
	@for each in haproxy:haproxy varnishd:varnish traffic_server:trafficserver h2load:nghttp2-client; do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $${each%:*} >/dev/null || packages="$${packages:-} $${each#*:}"; done; \
	if [ -n "$${packages:-}" ]; then echo "installing$$packages ..."; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $$packages >/dev/null; } || { \
	    echo "could not install them. Mend (as root): apt-get install$$packages"; exit 1; }; fi
	$(BIN)/python -m bench $(ARGS)

scale: prepare  ## many health checks on a local cluster, measured; leaves it running (ARGS="--checks 1000")
	@$(LOCAL) scale $(ARGS)

fuzz: packages  ## generated requests against an independent reader for longer (EXAMPLES=50000)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),50000) $(PYTEST) tests/wire/test_fuzzed_requests.py

soak: packages  ## gigabytes, slow and idle clients, a mixed load with restarts (MINUTES=30 ARGS=--help)
	@command -v slowhttptest >/dev/null || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y slowhttptest >/dev/null; }
	PYTHONPATH=tests:tests/scenarios $(BIN)/python -m soak --minutes $(or $(MINUTES),30) $(ARGS)

lock:  ## write requirements/*.txt anew (ARGS=--upgrade)
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip -q install uv==0.13.9
	UV=.venv-lock/bin/uv requirements/lock $(ARGS)

crds: $(READY)  ## copy crds/ into the chart
	$(BIN)/python helm/generate_crds.py

check-bare: packages  ## prove the cold path: a fresh root, an empty cache, `make demo` (by hand; takes 20 minutes)
	@$(LOCAL) localcluster bare

.PHONY: help setup fast fmt lint types unit wire scenarios packages prepare chart cluster test cluster-up cluster-down \
  cluster-status image demo demo-down bench scale fuzz soak lock crds check-bare
