.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MSEELAB := $(BIN)/mseelab
TOPOLOGY ?= expressroute-vpn
BACKEND ?= auto
NAME ?=
K ?=
S ?= scenarios
JOBS ?= 3
P ?=
RUNS ?=
# Side by side, a file of tests in one process; a few that are asked for run in this one.
PYTEST := $(BIN)/pytest $(if $(strip $(K)),-k "$(strip $(K))",-n $(JOBS) --dist loadfile --no-loadscope-reorder)
# Beside pytest, which would run them one at a time: a lab is mostly waiting. Not when K= chooses tests.
SCENARIOS = $(if $(strip $(K)),:,$(MSEELAB) test $(S) --jobs $(JOBS) --backend $(BACKEND))

# What the lab needs of the system, as command:debian-package.
COMMANDS := nft:nftables ip:iproute2 ping:iputils-ping
# What only IPsec tunnels need, as file:debian-package.
IPSEC := /usr/sbin/charon-systemd:charon-systemd \
  /usr/lib/ipsec/plugins/libstrongswan-openssl.so:libstrongswan-standard-plugins \
  /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so:libcharon-extra-plugins

# What booting another kernel needs, as command:debian-package.
GUEST := qemu-system-x86_64:qemu-system-x86 busybox:busybox-static modprobe:kmod

# Install $$missing, if we may.
INSTALL = if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
  command -v apt-get >/dev/null && { [ -z "$$sudo" ] || command -v sudo >/dev/null; } && \
  $$sudo apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing

.PHONY: help setup lab-up lab-down lab-status test test-unit test-lab test-kernel setup-kernel scenarios images check \
  format docs golden bench bench-kernel

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## Install what is missing: system packages and the environment in .venv
	@:

lab-up: setup ## Bring the reference lab up (TOPOLOGY=, NAME=, BACKEND=)
	@$(MSEELAB) up $(TOPOLOGY) --backend $(BACKEND) $(if $(NAME),--name $(NAME))

lab-down: setup ## End the lab (NAME= when several run)
	@$(MSEELAB) down $(if $(NAME),--name $(NAME))

lab-status: setup ## What the running lab looks like
	@$(MSEELAB) inspect $(if $(NAME),--name $(NAME))

test: setup ## All tests: pure ones, real labs, scenarios (K=name runs a few)
	@$(PYTEST)
	@$(SCENARIOS)

test-unit: setup ## Tests without a lab, under a minute
	@$(PYTEST) -m "not lab"

test-lab: setup ## Tests that start real labs, and scenarios
	@$(PYTEST) -m lab
	@$(SCENARIOS)

test-kernel: setup-kernel ## A few lab tests on Debian's stock kernel, in QEMU: 802.1Q, IPsec in the kernel
	@$(BIN)/python tests/kernel/boot.py

setup-kernel: $(VENV)/.ready-kernel ## QEMU and Debian's kernel, which is unpacked in ~/.cache and not installed
	@$(BIN)/python tests/kernel/stock.py

scenarios: setup ## Every shipped scenario (S=scenarios/limits for a few, JOBS= at a time, BACKEND=)
	@$(MSEELAB) test $(S) --jobs $(JOBS) --backend $(BACKEND)

images: setup ## Container images for `make lab-up BACKEND=docker`; only what is missing or changed
	@$(MSEELAB) images

check: setup ## Style, imports and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup ## Put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup ## Write what is generated in docs/ again: schemas and rules
	@$(MSEELAB) schema > docs/topology.schema.json
	@$(MSEELAB) schema scenario > docs/scenario.schema.json
	@$(BIN)/python -m lab.model.rules_page > docs/rules.md

golden: setup ## Write the golden files again; then read `git diff`
	@$(BIN)/pytest tests --update-golden -m "not lab" -q; git diff --stat tests/golden

bench: setup ## Measure; results as JSON on standard output (P=line for a part, RUNS= as often)
	@$(BIN)/python -m lab.bench $(P) $(if $(RUNS),--runs $(RUNS))

bench-kernel: setup-kernel ## Measure tunnels on Debian's stock kernel, in QEMU (P=, RUNS=)
	@$(BIN)/python tests/kernel/boot.py bench $(or $(P),tunnels_up tunnel_throughput) --runs $(or $(RUNS),3)

# A first run installs packages if it may (root, or sudo without a password) and says which
# are missing if it may not. A second run does nothing. Debian starts an IKE daemon for the host with
# its package; no lab has a use for that one.
$(VENV)/.ready: pyproject.toml Makefile
	@missing=; \
	for pair in $(COMMANDS); do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair#*:}"; \
	done; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  if ! { $(INSTALL); }; then \
	    echo "mseelab needs these packages (Debian's names):$$missing" >&2; \
	    echo "  install them as root, then run make again" >&2; exit 3; \
	  fi; \
	fi
	@missing=; \
	for pair in $(IPSEC); do [ -e $${pair%%:*} ] || missing="$$missing $${pair#*:}"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing for IPsec tunnels:$$missing"; \
	  if $(INSTALL); then \
	    case "$$missing" in *charon*) \
	      $$sudo systemctl disable --now strongswan.service 2>/dev/null || true ;; \
	    esac; \
	  else \
	    echo "labs will have no IPsec tunnels without these packages:$$missing" >&2; \
	  fi; \
	fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mseelab needs Python 3.11 or newer; PYTHON=/path/to/python3 make setup" >&2; exit 3; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.ready-kernel: $(VENV)/.ready
	@missing=; \
	for pair in $(GUEST); do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing for another kernel:$$missing"; \
	  if ! { $(INSTALL); }; then \
	    echo "make test-kernel needs these packages (Debian's names):$$missing" >&2; exit 3; \
	  fi; \
	fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,kernel]'
	@touch $@
