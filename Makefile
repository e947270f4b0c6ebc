# Everything a person or the CI does here, one word each. `make` alone lists it.
# Needs only a shell and a supported Python; paths are relative, so that the folder may have any name.

PYTHON_RUN = sh tools/with_python.sh
VENV_PYTHON = .venv/bin/python
ARGS =
ENGINE = docker

.DEFAULT_GOAL := help
.PHONY: help lab reset serve app image up down test coverage docs fuzz test-opencv5 test-yolov5 soak bench bench-fast bench-scale scale-model test-scale test-containers check format notebooks french release teaching readme lock clean setup-lab setup-app setup-dev setup-scale setup-docs

help: ## this list
	@echo "detectlab: what make can do (ARGS='...' passes more arguments on)"
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

lab: ## set up what is missing, then JupyterLab on your copy of notebooks/server.ipynb, in my-lab/
	@exec $(PYTHON_RUN) tools/lab.py $(ARGS)

reset: setup-lab ## begin your notebooks in my-lab/ afresh and keep the old ones (ARGS=server: one)
	@exec $(VENV_PYTHON) -m detectlab.course.lab_copies --reset $(ARGS)

serve: setup-lab ## the API alone, at http://127.0.0.1:8000
	@DETECTLAB_FETCH_ON_DEMAND="$${DETECTLAB_FETCH_ON_DEMAND-1}" \
		exec $(VENV_PYTHON) -m detectlab serve $(ARGS)

app: setup-lab setup-app ## the companion: a page for pictures, beside a running `make serve`
	@exec $(VENV_PYTHON) -m streamlit run client/companion/app.py $(ARGS)

image: ## the three images: detectlab-api, detectlab-companion, detectlab-lab (ENGINE=podman)
	@for target in api companion lab; do \
		$(ENGINE) build --target $$target --tag detectlab-$$target $(ARGS) . || exit 1; done

up: ## the API and the companion in containers, at http://127.0.0.1:8000 and :8501
	@$(ENGINE) compose up --build --detach --wait $(ARGS)

down: ## stop them; what was downloaded and received stays
	@$(ENGINE) compose down $(ARGS)

test: check setup-docs ## set up what is missing, then what CI runs, but for the cluster
	@exec $(VENV_PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

coverage: check setup-docs ## the same tests, slower, and the share of the code that they run (at least 90 %)
	@exec $(VENV_PYTHON) -m pytest -n 2 --dist loadfile --cov --cov-report=term $(ARGS)

docs: setup-dev setup-docs ## the documentation with the API reference, in site/; a broken link fails it
	@NO_MKDOCS_2_WARNING=1 exec $(VENV_PYTHON) -m mkdocs build --strict $(ARGS)

fuzz: setup-dev ## ten minutes of wrong requests and pictures, and the ten that cost most
	@FUZZ_SECONDS="$${FUZZ_SECONDS:-300}" FUZZ_SEED="$${FUZZ_SEED:-$$(date +%s)}" \
		$(VENV_PYTHON) -m pytest tests/serving/test_schema.py tests/serving/test_damaged_pictures.py
	@PYTHONPATH=tests exec $(VENV_PYTHON) -m fuzz --seconds "$${FUZZ_SECONDS:-300}" \
		--seed "$${FUZZ_SEED:-$$(date +%s)}" $(ARGS)

test-opencv5: setup-dev ## the detectors with OpenCV 5, in an environment of its own (fetches 150 MB)
	@exec sh tests/opencv5/run.sh $(ARGS)

test-yolov5: ## the real YOLOv5 against its own library (fetches torch, 3 GB; takes long)
	@$(PYTHON_RUN) tools/setup_env.py yolov5 --venv .venv-yolov5
	@YOLOV5_RESULTS="$${YOLOV5_RESULTS-benchmarks/results/yolov5.json}" \
		exec .venv-yolov5/bin/python -m pytest tests/yolov5 $(ARGS)

soak: setup-dev ## ten minutes of mixed load on a real server, and a verdict
	@exec $(VENV_PYTHON) benchmarks/soak.py $(ARGS)

bench: setup-dev ## our speed beside the course's server and LitServe: a quarter of an hour on a quiet machine
	@PYTHONPATH=benchmarks exec $(VENV_PYTHON) -m bench $(ARGS)

bench-fast: setup-dev ## engines and precisions side by side (ARGS="--groups nano,large"); ten minutes
	@PYTHONPATH=benchmarks exec $(VENV_PYTHON) -m bench.fast $(ARGS)

bench-scale: setup-dev setup-scale ## requests a second for 1, 2, 4 and 8 replicas on two nodes (10 minutes)
	@exec $(VENV_PYTHON) benchmarks/growth.py $(ARGS)

scale-model: setup-dev ## what 100, 10,000 and 1,000,000 pictures a second take; ARGS=--help
	@exec $(VENV_PYTHON) benchmarks/growth_model.py $(ARGS)

test-scale: setup-dev setup-scale ## the cluster under load, and its notebook (10 minutes; ARGS="-m 'not slow'": half)
	@exec sh tests/scale/run.sh $(ARGS)

test-containers: setup-dev ## build and check the three images with podman (as root; takes long)
	@exec sh tests/containers/run.sh $(ARGS)

check: setup-dev ## lint, format and types; changes no file
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy
	@.venv/bin/hadolint Dockerfile deploy/ray/Dockerfile
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml deploy/proxy/compose.yaml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff
	@.venv/bin/shellcheck -x deploy/*/*.sh tests/containers/*.sh tests/opencv5/*.sh tests/scale/*.sh
	@.venv/bin/shellcheck tools/*.sh requirements/*.sh .ci/run .binder/postBuild

format: setup-dev ## put code and notebooks into the house format
	@$(VENV_PYTHON) -m ruff check --fix-only
	@$(VENV_PYTHON) -m ruff format

notebooks: setup-dev ## run the notebooks from top to bottom and save them with their outputs
	@$(VENV_PYTHON) tools/run_notebooks.py $(ARGS)
	@exec $(VENV_PYTHON) tools/french.py

french: setup-dev ## README and two notebooks in French, from the originals and their translations
	@exec $(VENV_PYTHON) tools/french.py

release: setup-dev ## the notebooks without solutions, for a class, in build/release/
	@exec $(VENV_PYTHON) tools/release_course.py $(ARGS)

teaching: setup-dev ## slides, sheet and notes for teachers as PDF, in build/teaching/
	@exec $(VENV_PYTHON) tools/teaching.py $(ARGS)

readme: setup-dev ## renew the picture and the outputs in README.md
	@$(VENV_PYTHON) tools/readme_picture.py
	@PYTHONPATH=benchmarks $(VENV_PYTHON) -m bench.readme --write
	@$(VENV_PYTHON) tools/readme.py --write
	@$(VENV_PYTHON) tools/french.py

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@sh requirements/lock.sh

clean: ## remove .venv and all caches
	@rm -rf .venv .venv-yolov5 .venv-opencv5 build dist site src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-lab setup-app setup-dev setup-scale setup-docs:
	@$(PYTHON_RUN) tools/setup_env.py $(@:setup-%=%)
