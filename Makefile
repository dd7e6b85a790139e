# The README's two commands are `make demo` and `make test`. Both make their own .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types docs web test-tfio clean

$(VENV)/.installed: pyproject.toml
	test -x "$(BIN)/python" || $(PYTHON) -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --upgrade-strategy only-if-needed \
		-e '.[all,test]'
	touch "$@"

demo: $(VENV)/.installed
	"$(BIN)/keras-munet" demo

test: $(VENV)/.installed
	"$(BIN)/python" -m pytest -n 2 --dist worksteal

lint: $(VENV)/.installed
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .

types: $(VENV)/.installed
	"$(BIN)/mypy"

docs: $(VENV)/.installed
	"$(BIN)/python" -m pip install --quiet -e '.[docs]'
	"$(BIN)/mkdocs" build --strict

# The karaoke page: checks it, runs its unit tests, and builds it into the package.
web:
	cd web && npm ci --omit-lockfile-registry-resolved --no-audit --no-fund
	cd web && npm test
	cd web && npm run build

# The oldest supported TensorFlow, in a virtual environment of its own.
test-tfio:
	test -x .venv-tfio/bin/python || $(PYTHON) -m venv .venv-tfio
	.venv-tfio/bin/python -m pip install --quiet -e '.[tfio,plot]' \
		pytest pytest-timeout hypothesis
	.venv-tfio/bin/python -m pytest tests/test_data_tfio.py tests/test_layers.py \
		tests/test_models.py tests/test_training_weighting.py tests/test_training_losses.py

clean:
	rm -rf "$(VENV)" .venv-tfio build dist site demo-out
