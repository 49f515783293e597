# Every target sets up what it needs in .venv; nothing is done twice.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint docs man format lock audit sbom packages

demo: $(READY)
	$(BIN)/ucls run digits

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/types && mkdir -p build/types
	cp -rs $(CURDIR)/ucls build/types/ucls
	cp -rs $(CURDIR)/cache $(CURDIR)/cli build/types/ucls/
	cd build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p ucls

docs: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --quiet docs build/docs

man: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --quiet -b man docs build/man

# uv.lock for all systems and Pythons, and constraints.txt as pip wants it.
lock: $(READY)
	$(BIN)/uv lock $(UPGRADE)
	$(BIN)/uv export --quiet --locked --extra cpu --extra dev --extra docs --no-hashes --no-annotate \
	  --no-header --no-emit-project --output-file constraints.txt

audit: $(READY)
	$(BIN)/uv audit --locked

sbom: $(READY)
	mkdir -p build
	$(BIN)/uv export --quiet --locked --extra cpu --format cyclonedx1.5 --output-file build/sbom.json

packages: $(READY)
	bash .ci/packages $(PYTHONS)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[cpu,dev,docs]'
	touch $@
