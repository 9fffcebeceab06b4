# `make demo` and `make test` work as the first command of a fresh clone; `make help` lists every target.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
DEMO ?= demo-out

.DEFAULT_GOAL := help
.PHONY: help setup fmt check test test-all demo lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with every pinned dependency

# sam2 ships as source and imports torch when it is built: torch goes first, and sam2 is built beside it without CUDA.
$(READY): pyproject.toml .constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint .constraints.txt torch torchvision setuptools
	SAM2_BUILD_CUDA=0 $(BIN)/pip install --quiet --constraint .constraints.txt --no-build-isolation sam2
	$(BIN)/pip install --quiet --constraint .constraints.txt --no-build-isolation --editable '.[adapters,dev,parser,ray]'
	touch $@

fmt: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(READY) ## Format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(READY) ## The fast tests
	$(BIN)/pytest -n auto

test-all: $(READY) ## Every test, the slow ones too
	$(BIN)/pytest -n auto -m ""

demo: $(READY) ## The whole story, offline: draw, build, evaluate, report
	$(BIN)/scar build demo --out $(DEMO)/corpus
	$(BIN)/scar check $(DEMO)/corpus
	$(BIN)/mmeb-eval --model constant --model random --model text-only --model virtue --config demo --tasks $(DEMO)/corpus --output $(DEMO)/results
	for region in whole-image text-bare crop; do \
	  $(BIN)/mmeb-eval --model virtue --config demo --region $$region --tasks $(DEMO)/corpus --output $(DEMO)/results || exit 2; \
	done
	$(BIN)/mmeb-eval report $(DEMO)/results --tasks $(DEMO)/corpus --out $(DEMO)/report.html \
	  $(addprefix --strategies ,$(wildcard virtue_ref/checkpoints/demo/table.json))
	$(BIN)/mmeb-eval demo $(DEMO)/tasks
	$(BIN)/mmeb-eval --model constant --model random --model text-only --tasks all --data $(DEMO)/tasks --output $(DEMO)/results-41
	$(BIN)/mmeb-eval report $(DEMO)/results-41 --tasks all --data $(DEMO)/tasks --out $(DEMO)/report-41.html

lock: ## Rewrite .constraints.txt from what .venv holds
	$(BIN)/pip freeze --all --exclude-editable > .constraints.new
	{ echo "# Every version that make setup installs, with torch's own dependencies; pip's -c file. Rewrite with: make lock"; \
	  grep -v ^pip= .constraints.new; } > .constraints.txt
	rm .constraints.new

clean: ## Remove .venv and what the demo wrote
	rm -rf .venv $(DEMO)
