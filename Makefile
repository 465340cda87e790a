# Everything a person or CI needs, from a clean clone of this repository on Debian: `make run`, `make test`.
# `make` alone explains.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# What the build and the tests need from Debian. `command:package` pairs are looked for on the PATH, so that a tool
# that came from elsewhere counts.
PACKAGES := libzstd-dev liblz4-dev libsnappy-dev libyaml-dev zlib1g-dev libssl-dev libcurl4-openssl-dev libexpat1-dev pkg-config python3-venv kcat gcc libc6-dev zstd
COMMANDS := kcat:kcat cc:gcc pkg-config:pkg-config zstd:zstd

RELEASE := .build/release
# What the end-to-end tests drive. CONFIGURATION=debug saves a machine that just ran the unit tests the second build.
CONFIGURATION ?= release
VENV    := .venv
E2E     := Tests/EndToEnd
PYTEST  = CHRONIK_BIN=$(abspath .build/$(CONFIGURATION)/chronik) PYTHONDONTWRITEBYTECODE=1 \
          $(VENV)/bin/python -m pytest -c $(E2E)/pytest.ini --rootdir $(E2E)

# Kafka's message definitions, when they are at hand, are the oracle of the protocol tests.
KAFKA_MESSAGES ?= $(wildcard $(abspath ../shared/kafka-messages))
ifneq ($(strip $(KAFKA_MESSAGES)),)
export KAFKA_MESSAGES
endif

.PHONY: help
help: ## show this
	@echo "Chronik: a Kafka-compatible broker whose storage is a chain of plugins."
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  make run ARGS='--listen 127.0.0.1:9092 --data-dir /tmp/chronik'     passes options on"
	@echo "  make test-e2e E2E_ARGS='-k kill -x'                                 passes options to pytest"

.PHONY: deps
deps: toolchain ## install the Debian packages that are missing
	@missing=""; \
	for package in $(PACKAGES); do \
	  case " $(COMMANDS) " in \
	    *":$$package "*) for pair in $(COMMANDS); do \
	        if [ "$${pair#*:}" = "$$package" ] && ! command -v "$${pair%%:*}" >/dev/null; then missing="$$missing $$package"; fi; \
	      done ;; \
	    *) if [ "$$(dpkg-query -W -f='$${db:Status-Status}' "$$package" 2>/dev/null)" != installed ]; then missing="$$missing $$package"; fi ;; \
	  esac; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "make: these Debian packages (or what your system calls them) are needed:$$missing" >&2; exit 1; fi; \
	sudo=""; \
	if [ "$$(id -u)" != 0 ]; then \
	  if command -v sudo >/dev/null; then sudo=sudo; else \
	    echo "make: run as root, or install sudo, or have somebody run: apt-get install$$missing" >&2; exit 1; fi; fi; \
	echo "installing:$$missing"; \
	install() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; }; \
	if ! apt-cache show $$missing >/dev/null 2>&1 || ! install; then $$sudo apt-get update -qq; install; fi

.PHONY: toolchain
toolchain:
	@if ! command -v swift >/dev/null; then \
	  echo "make: Swift 6.2 or newer is not on the PATH. https://www.swift.org/install has it; then run make again." >&2; exit 1; fi
	@version=$$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p'); \
	if [ "$$(printf '6.2\n%s\n' "$$version" | sort -V | head -n 1)" != 6.2 ]; then \
	  echo "make: Swift $$version is too old; 6.2 or newer is needed (https://www.swift.org/install)." >&2; exit 1; fi

.PHONY: build
build: deps ## release build: the broker and its plugins, together in .build/release
	swift build -c release
	@ls $(RELEASE)/chronik $(RELEASE)/lib*.so

.PHONY: build-for-e2e
build-for-e2e: deps
	swift build -c $(CONFIGURATION)

.PHONY: run
run: build ## build, then serve on 127.0.0.1:9092 (ARGS=... for options)
	exec $(RELEASE)/chronik serve $(ARGS)

.PHONY: test
test: test-unit fuzz test-e2e crash-loop-short ## everything CI runs: unit tests, a minute of fuzzing, the short end-to-end suite, a few crashes

.PHONY: test-unit
test-unit: deps ## unit, conformance and contract tests
	@echo "protocol oracle: $(or $(KAFKA_MESSAGES),none (set KAFKA_MESSAGES to Kafka's message definitions))"
	@mkdir -p .build; export CHRONIK_WEED=$${CHRONIK_WEED-$(wildcard $(abspath $(VENV))/bin/weed)}; \
	swift test 2>&1 | tee .build/unit-tests.log || { \
	  echo "make: these unit tests failed (all of it is in .build/unit-tests.log):" >&2; \
	  grep -aE '✘|error:|Fatal error|crash' .build/unit-tests.log | tail -n 60 >&2; exit 1; }

# The stamp remembers which requirements the environment was made from.
$(VENV)/.installed: $(E2E)/requirements.txt
	@python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: venv
venv: deps
	@$(MAKE) --no-print-directory $(VENV)/.installed

.PHONY: test-e2e
test-e2e: build-for-e2e venv ## real clients against the built broker, without the slow tests
	$(PYTEST) --quick $(E2E_ARGS) $(E2E)

.PHONY: test-e2e-full
test-e2e-full: build-for-e2e venv ## the whole end-to-end suite
	$(PYTEST) $(E2E_ARGS) $(E2E)

# SECONDS for all fuzzers together: they run at the same time. The limit for one input is time by the wall clock: ten seconds
# were too few where others needed the machine. What they learn stays in Fuzz/.corpus, what they find in
# Fuzz/.findings. FUZZER_RUNTIME: libFuzzer without its main, which clang ships.
SECONDS := 60
FUZZERS := FuzzRequests FuzzBatches FuzzCodecs FuzzAppends FuzzGroups
FUZZER_RUNTIME ?= $(shell clang -print-file-name=libclang_rt.fuzzer_no_main-$$(uname -m).a 2>/dev/null)

.PHONY: fuzz
fuzz: deps ## coverage-guided fuzzing of all that reads foreign bytes (SECONDS=60)
	@if [ ! -e "$(FUZZER_RUNTIME)" ]; then echo "make: clang's libFuzzer is not here; set FUZZER_RUNTIME" >&2; exit 1; fi
	cd Fuzz && FUZZER_RUNTIME=$(FUZZER_RUNTIME) swift build -c release
	python3 Fuzz/seeds.py Fuzz/.seeds
	@mkdir -p Fuzz/.findings $(addprefix Fuzz/.corpus/,$(FUZZERS)); \
	declare -A running; failed=""; \
	for fuzzer in $(FUZZERS); do \
	  Fuzz/.build/release/$$fuzzer -max_total_time=$(SECONDS) -max_len=32768 -timeout=60 -rss_limit_mb=2048 \
	    -print_final_stats=1 -artifact_prefix=Fuzz/.findings/$$fuzzer- \
	    Fuzz/.corpus/$$fuzzer Fuzz/.seeds/$$fuzzer >Fuzz/.findings/$$fuzzer.log 2>&1 & running[$$fuzzer]=$$!; \
	done; \
	for fuzzer in $(FUZZERS); do \
	  if wait $${running[$$fuzzer]}; then \
	    echo "$$fuzzer: $$(awk '/number_of_executed_units/ { print $$2 }' Fuzz/.findings/$$fuzzer.log) executions, nothing found"; \
	  else failed="$$failed $$fuzzer"; tail -n 40 Fuzz/.findings/$$fuzzer.log; fi; \
	done; \
	if [ -n "$$failed" ]; then echo "make: found something:$$failed; the input is in Fuzz/.findings" >&2; exit 1; fi

.PHONY: test-compat
test-compat: build venv ## librdkafka's own suite (LIBRDKAFKA=built source tree)
	CHRONIK_BIN=$(abspath $(RELEASE)/chronik) $(VENV)/bin/python Tests/Compatibility/run_librdkafka.py --librdkafka "$(LIBRDKAFKA)" $(COMPAT_ARGS)

.PHONY: test-java
test-java: build ## the Java client (KAFKA_JARS=directory of jars)
	CHRONIK_BIN=$(abspath $(RELEASE)/chronik) python3 Tests/Compatibility/run_clients.py java --jars "$(KAFKA_JARS)"

.PHONY: test-go
test-go: build ## sarama (Debian's golang-go, golang-github-shopify-sarama-dev)
	CHRONIK_BIN=$(abspath $(RELEASE)/chronik) python3 Tests/Compatibility/run_clients.py go

.PHONY: test-js
test-js: build ## kafkajs on Node.js (KAFKAJS=directory of the client)
	CHRONIK_BIN=$(abspath $(RELEASE)/chronik) python3 Tests/Compatibility/run_clients.py js --kafkajs "$(KAFKAJS)"

.PHONY: test-franz
test-franz: build ## franz-go's own integration tests (KGO_TEST=compiled tests of its pkg/kgo)
	CHRONIK_BIN=$(abspath $(RELEASE)/chronik) python3 Tests/Compatibility/run_franz.py --kgo-test "$(KGO_TEST)" $(COMPAT_ARGS)

.PHONY: bench
bench: build venv ## throughput and latency beside the machine's own limits (BENCH_ARGS=--help)
	$(VENV)/bin/python Benchmarks/run.py $(BENCH_ARGS)

BENCH_PYTHON = CHRONIK_BIN=$(abspath $(RELEASE)/chronik) PYTHONDONTWRITEBYTECODE=1 $(VENV)/bin/python

.PHONY: bench-offload
bench-offload: build venv ## produce latency with and without offload (BENCH_ARGS=--help)
	$(BENCH_PYTHON) Benchmarks/offload_latency.py $(BENCH_ARGS)

.PHONY: bench-cold
bench-cold: build venv ## 1 MiB at random archived offsets, from a directory and from S3 (BENCH_ARGS=--help)
	$(BENCH_PYTHON) Benchmarks/cold_read.py $(BENCH_ARGS)

.PHONY: bench-hot
bench-hot: build venv ## hot records beside many cold consumers (BENCH_ARGS=--help)
	$(BENCH_PYTHON) Benchmarks/hot_beside_cold.py $(BENCH_ARGS)

N ?= 20
CRASH_ARGS ?=
CRASH_LOOP = CHRONIK_BIN=$(abspath $(RELEASE)/chronik) PYTHONDONTWRITEBYTECODE=1 \
             $(VENV)/bin/python Tests/CrashLoop/crash_loop.py

.PHONY: crash-loop
crash-loop: build venv ## kill -9 under load N times, exact sets compared (CRASH_ARGS=--lose-unflushed: power cuts)
	$(CRASH_LOOP) -n $(N) $(CRASH_ARGS)

.PHONY: crash-loop-short
crash-loop-short: build-for-e2e venv ## six cycles of each kind
	$(CRASH_LOOP) -n 6 --epoch 3 --verify-every 3 --write-seconds 0.5 --minutes 3
	$(CRASH_LOOP) -n 6 --epoch 3 --verify-every 3 --write-seconds 0.5 --minutes 3 --lose-unflushed

.PHONY: bench-log
bench-log: deps ## the local log against the disk's own limits (BENCH_LOG_ARGS='append group read spread sweep open --json')
	swift build -c release --quiet
	mkdir -p Benchmarks/.work/log
	$(RELEASE)/bench-log $(abspath Benchmarks/.work/log) $(BENCH_LOG_ARGS)

.PHONY: bench-archive
bench-archive: deps venv ## archive objects beside tantivy on the same records (CORPUS=text file)
	swift build -c release --quiet
	mkdir -p Benchmarks/.work/archive
	$(RELEASE)/bench-archive $(CORPUS) Benchmarks/.work/archive 2
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check tantivy
	$(VENV)/bin/python Benchmarks/ArchiveBench/tantivy_peer.py Benchmarks/.work/archive/lines.txt Benchmarks/.work/archive/tantivy

.PHONY: clean
clean: ## remove what was built
	rm -rf .build Fuzz/.build Fuzz/.seeds Fuzz/.corpus Fuzz/.findings $(VENV) Benchmarks/.work
