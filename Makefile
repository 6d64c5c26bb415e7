# What this project is made, checked and measured with. `make help` lists it.

SHELL := /bin/bash
BUILD := swift build --explicit-target-dependency-import-check error
# Those that use real sockets and time run by themselves: beside those that reckon they would not get
# their turn for minutes.
REAL_TIME_TESTS := TorrentEngineTests NFSExposureTests
UNIT_TESTS := swift test --skip-build
# Apart, because everything is built anew for it.
SANITIZED := .build/sanitized

.DEFAULT_GOAL := help
.PHONY: help run test lint fuzz fuzz-sanitized bench format

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and serve what config.yaml says
	scripts/install-packages build
	$(BUILD) --configuration release --product sluice
	exec "$$(swift build --configuration release --show-bin-path)/sluice" serve --config config.yaml

test: ## Check everything: style, unit tests, then real peers and real NFS clients (needs root)
	@echo "== packages"
	scripts/install-packages build test
	@echo "== style"
	$(MAKE) --no-print-directory lint
	@echo "== build"
	$(BUILD) --build-tests
	@echo "== unit tests"
	$(UNIT_TESTS) $(REAL_TIME_TESTS:%=--skip %)
	for suites in $(REAL_TIME_TESTS); do $(UNIT_TESTS) --filter $$suites || exit 1; done
	@echo "== release build"
	$(BUILD) --configuration release --product sluice
	$(BUILD) --configuration release --product fuzz
	@echo "== damaged input"
	Tests/Fuzz/run 1
	@echo "== integration tests"
	SLUICE_CONFIGURATION=release Tests/Integration/run
	@echo "== all passed"

lint: ## Check the style alone
	swift format lint --strict --parallel --recursive Sources Tests Package.swift

fuzz: ## Feed every decoder with damaged input; SEED=number repeats a run
	$(BUILD) --configuration release --product fuzz
	Tests/Fuzz/run $(SEED)

fuzz-sanitized: ## Feed a whole server with ten million damaged calls, under the address sanitizer
	$(BUILD) --configuration release --product fuzz --sanitize address --scratch-path $(SANITIZED)
	ASAN_OPTIONS=quarantine_size_mb=4 FUZZ=$(SANITIZED)/release/fuzz COUNT=10000000 Tests/Fuzz/run "$(SEED)" calls

bench: ## Measure a release build; ONLY=name measures one thing (Benchmarks/README.md)
	scripts/install-packages build test bench
	$(BUILD) --configuration release --product sluice
	$(BUILD) --configuration release --product simulation
	$(BUILD) --configuration release --product cache-cost
	Benchmarks/run $(ONLY)

format: ## Give the sources their style
	swift format --in-place --parallel --recursive Sources Tests Package.swift
