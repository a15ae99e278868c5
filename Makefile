# Handful. `make` alone lists what can be made.
.DEFAULT_GOAL := help
.PHONY: help run base build dist wheel test test-all bench bench-browser pocket results check fmt clean need-go need-python

SITE := dist/site
BASE := .cache/base
ADDR ?= 127.0.0.1:8080

# No code generation or linking by C, so that every machine builds the same.
export CGO_ENABLED := 0

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

run: need-python build ## build, get the base model once, and serve the page on 127.0.0.1:8080
	@python3 scripts/base.py $(BASE) $(SITE)/models || echo "The page opens with the pocket model; a .gguf or a Hugging Face folder can be dropped on it." >&2
	dist/handful serve --addr $(ADDR)

base: need-python ## get the base model (93 MB) into .cache/base
	@python3 scripts/base.py $(BASE)

build: need-go ## build the page into dist/site and the program into dist/handful
	@scripts/site.sh $(SITE)
	@go build -trimpath -ldflags='-s -w' -o dist/handful ./cmd/handful
	@du -sh $(SITE) dist/handful

dist: build wheel ## what is released: the page, the npm package, the wheel, licences, sums, all below dist
	@go run ./cmd/dist npm dist/npm
	@go run ./cmd/notices -sbom dist/handful.cdx.json
	@cp LICENSE THIRD_PARTY.md CHANGELOG.md dist/
	@go run ./cmd/dist sums dist

wheel: need-python build ## build the Python package for notebooks into dist
	@scripts/wheel.sh $(SITE) dist

test: need-go ## set up what is missing, then run the quick suites (no PyTorch; at most 15 minutes)
	@scripts/setup.sh
	@go run ./cmd/suite quick

test-all: need-go ## the quick suites, PyTorch and PEFT, the real model at length, fuzzing
	@scripts/setup.sh all
	@go run ./cmd/suite all

check: need-go ## format, vet and Go tests alone
	@go run ./cmd/suite check

bench: need-go build ## measure, and rewrite the tables of docs/performance.md
	@go run ./cmd/benchdoc docs/performance.md
	@go run ./cmd/benchdoc -weight docs/performance.md
	@$(MAKE) --no-print-directory bench-browser

BENCH := dist/bench/browser.json

bench-browser: need-go build ## beside other libraries in Chromium; ONLY=lora-step REPEATS=5 (see docs/performance.md)
	@for room in e2e bench; do [ -d $$room/node_modules ] || (cd $$room && npm ci --silent --no-audit --no-fund) || exit 1; done
	@node bench/run.mjs --out $(BENCH) $(if $(ONLY),--only $(ONLY)) $(if $(REPEATS),--repeats $(REPEATS))
	@go run ./cmd/benchdoc -browser $(BENCH) docs/performance.md

pocket: ## train the pocket model and its skills from tables, into assets/pocket (PyTorch; npm for WordNet's files)
	@scripts/setup.sh all
	@.cache/venv/bin/python -m pretrain.pocket.build

results: need-go ## make docs/results.md of the measurements in docs/results
	@go run ./cmd/results

fmt: need-go ## format Go files
	@gofmt -w $$(git ls-files '*.go')

clean: ## remove what was built (the base model stays in .cache)
	rm -rf dist

need-go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer." >&2; exit 1; }
	@v=$$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p'); [ "$${v:-26}" -ge 26 ] || { echo "Go is too old ($$(go env GOVERSION)): install Go 1.26 or newer." >&2; exit 1; }

need-python:
	@command -v python3 >/dev/null || { echo "Python is missing: install Python 3 with pip; it gets the base model." >&2; exit 1; }
	@python3 -m pip --version >/dev/null 2>&1 || { echo "pip is missing: install pip for $$(python3 --version); it gets the base model." >&2; exit 1; }
