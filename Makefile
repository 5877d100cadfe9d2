# make book   build the site: environment, all pages in parallel, rendering
# make page   one page, rendered alone
# make test   the whole test suite, with formatter, linter and type check
# make help   the rest

PYTHON ?= python3
VENV ?= .venv
# On Linux the package index serves PyTorch with CUDA; for the smaller CPU build say
#   make book TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
JOBS ?=

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check
INDEX = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: help book page pdf new strict test check sync lock clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/installed: requirements.lock pyproject.toml
	@echo "Setting up the environment in $(VENV) (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) $(INDEX) -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@

book: $(VENV)/installed  ## build the site into _build/html
	@$(BIN)/python -m builder.build $(if $(JOBS),--jobs $(JOBS))

page: $(VENV)/installed  ## run and render one page: make page NAME=activation-functions
	@$(BIN)/python -m builder.build --page '$(NAME)'

pdf: book  ## the site, and all of it as one PDF beside it (needs Chromium)
	@$(BIN)/python -m builder.pdf

new: $(VENV)/installed  ## begin a page: make new PAGE=foundations/topic
	@$(BIN)/python -m builder.new '$(PAGE)'
	@$(MAKE) --no-print-directory sync

strict: export COMPANION_STRICT = 1
strict: book  ## the same on real data or not at all; records results/book.json

test: check  ## run all tests
	@$(BIN)/python -m pytest -n auto --dist loadfile
	@echo "All tests passed."

check: $(VENV)/installed  ## twins of the pages, formatter, linter, type check
	@$(BIN)/python tools/sync.py --check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

sync: $(VENV)/installed  ## write each page's .ipynb from its .md
	@$(BIN)/python tools/sync.py

lock:  ## pin the newest versions that pyproject.toml allows in requirements.lock
	@tools/lock.sh $(PYTHON)

clean:  ## remove what was built, and the cache of executed pages
	rm -rf _build
