# Everything a person or the CI does here, one word each. `make` alone lists it.
# Needs only a shell and a supported Python; paths are relative, so that the folder may have any name.

PYTHON_RUN = sh tools/with_python.sh
VENV_PYTHON = .venv/bin/python
ARGS =

.DEFAULT_GOAL := help
.PHONY: help lab serve app test check format notebooks readme lock clean setup-lab setup-app setup-dev

help: ## this list
	@echo "detectlab: what make can do (ARGS='...' passes more arguments on)"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

lab: setup-lab ## set up what is missing, then JupyterLab on notebooks/server.ipynb
	@exec $(VENV_PYTHON) tools/start_lab.py $(ARGS)

serve: setup-lab ## the API alone, at http://127.0.0.1:8000
	@exec $(VENV_PYTHON) -m detectlab serve $(ARGS)

app: setup-lab setup-app ## the companion: a page for pictures, beside a running `make serve`
	@exec $(VENV_PYTHON) -m streamlit run client/companion/app.py $(ARGS)

test: check ## set up what is missing, then everything that CI runs
	@exec $(VENV_PYTHON) -m pytest -n 2 --dist loadfile --cov --cov-report=term $(ARGS)

check: setup-dev ## lint, format and types; changes no file
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy
	@.venv/bin/shellcheck tools/*.sh requirements/*.sh .ci/run .binder/postBuild

format: setup-dev ## put code and notebooks into the house format
	@$(VENV_PYTHON) -m ruff check --fix-only
	@$(VENV_PYTHON) -m ruff format

notebooks: setup-dev ## run the notebooks from top to bottom and save them with their outputs
	@exec $(VENV_PYTHON) tools/run_notebooks.py $(ARGS)

readme: setup-dev ## renew the picture and the outputs in README.md
	@$(VENV_PYTHON) tools/readme_picture.py
	@$(VENV_PYTHON) tools/readme.py --write

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@sh requirements/lock.sh

clean: ## remove .venv and all caches
	@rm -rf .venv build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-lab setup-app setup-dev:
	@$(PYTHON_RUN) tools/setup_env.py $(@:setup-%=%)
