# The two commands of this project. Both work on a bare clone: they make .venv, install the pinned versions, and run.
#   make repro   build the release from the source that params.yaml names
#   make test    run ruff, mypy and the tests
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: repro test clean

repro: $(VENV)/.installed-repro
	$(RUN) dvc repro

test: $(VENV)/.installed-test
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) pytest -n auto

clean:
	rm -rf $(VENV) data release runs

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hgldv2 needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# torch by its exact version first: pip then takes the CPU wheel that is at hand instead of a CUDA build.
$(VENV)/.installed-repro: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) "$$(grep '^torch==' constraints.txt)" -e '.[pipeline]'
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) "$$(grep '^torch==' constraints.txt)" -e '.[pipeline,review,losses,gpu,dev]'
	touch $(VENV)/.installed-repro $@
