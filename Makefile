# make demo    makes the environment in .venv, then runs the demonstration
# make test    makes the environment in .venv, then runs every check
# make help    lists the rest
# A run that finds the environment in place starts at once.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
NEWER := .venv-newer
PEERS := .peers
WORKERS ?= 2
PYTEST = -m pytest -n $(WORKERS)

# An environment is complete when it holds the stamp of this folder, these requirements and these versions.
STATE := $(shell { pwd; cat pyproject.toml constraints.txt; } | cksum | cut -d ' ' -f 1)
STAMP := $(VENV)/installed-$(STATE)
NEWER_STAMP := $(NEWER)/installed-$(STATE)

# $(call usable,PYTHON,VERSION): does PYTHON really run, is it that version, can it make environments?
# (A pyenv shim may lie on PATH and yet lead nowhere.)
usable = "$(1)" -c "import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$(2)')" </dev/null >/dev/null 2>&1

# $(call search,VERSIONS): leaves in $$python the first usable interpreter of VERSIONS, or nothing.
define search
python=; \
for version in $(1); do \
  for candidate in python$$version python3 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python$$version; do \
    if $(call usable,$$candidate,$$version); then python=$$candidate; break 2; fi; \
  done; \
done
endef

# $(call fetch,VERSION): the same with uv, which downloads the interpreter where it has to.
define fetch
python=; \
if command -v uv >/dev/null 2>&1; then \
  python=$$(uv python find --system $(1) 2>/dev/null) || \
    { uv python install $(1) && python=$$(uv python find --system $(1)); } || python=; \
  if [ -n "$$python" ] && ! $(call usable,$$python,$(1)); then python=; fi; \
fi
endef

# $(call install,FOLDER,EXTRAS): an environment made by $$python; its stamp is written last.
define install
echo "Making the environment in $(1) with $$("$$python" --version) (needed once, takes a few minutes)."; \
pip() { $(1)/bin/python -m pip --disable-pip-version-check --quiet --quiet "$$@"; }; \
"$$python" -m venv --clear $(1) && \
pip install -c constraints.txt setuptools && \
pip install -c constraints.txt --no-build-isolation -e ".[$(2)]" --config-settings editable_mode=compat && \
touch $(1)/installed-$(STATE)
endef

.PHONY: help
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: make demo          learn on the chip, compare with float, write a report
.PHONY: demo
demo: $(STAMP)
	@$(VENV)/bin/neurochip demo

#: make test          lint, types, room contracts and all tests
.PHONY: test
test: lint
	$(VENV)/bin/python $(PYTEST)

#: make lint          ruff, mypy and import-linter alone
.PHONY: lint
lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports --no-logo
	@if $(call usable,$(VENV)/bin/python,3.10); then echo $(VENV)/bin/mypy; $(VENV)/bin/mypy; \
	else echo "Types are not checked: numpy's annotations differ between its versions, and ours are checked against the one for Python 3.10."; fi

#: make format        put every file into the project's format
.PHONY: format
format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

#: make environment   make .venv and nothing else
.PHONY: environment
environment: $(STAMP)

#: make test-newer    all but the slow tests on the newest Python found, without Lava, in .venv-newer
.PHONY: test-newer
test-newer: $(NEWER_STAMP)
	$(NEWER)/bin/python $(PYTEST) -m 'not slow'

#: make peers         environments of the tools that benchmarks compare with, in .peers
.PHONY: peers
peers:
	@$(MAKE) --no-print-directory --keep-going $(foreach peer,torch sanafe nengo_loihi brian2loihi,$(PEERS)/$(peer)/installed)

#: make clean         remove both environments and all caches
.PHONY: clean
clean:
	rm -rf $(VENV) $(NEWER) $(PEERS) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP):
	@$(call fetch,3.10); \
	if [ -z "$$python" ]; then $(call search,3.10); fi; \
	extras=dev,lava,study,dask; \
	if [ -z "$$python" ]; then \
	  $(call search,3.13 3.12 3.11); \
	  extras=dev,study,dask; \
	  if [ -z "$$python" ]; then echo "No Python from 3.10 to 3.13 was found: install one of them, or uv, and run make again." >&2; exit 1; fi; \
	  echo "Python 3.10 was not found, so the environment is made without Lava: everything works but the comparison with Lava."; \
	fi; \
	$(call install,$(VENV),$$extras)

$(NEWER_STAMP):
	@$(call search,3.13 3.12 3.11); \
	if [ -z "$$python" ]; then echo "No Python from 3.11 to 3.13 was found: install one of them and run make again." >&2; exit 1; fi; \
	extras=dev,study,dask; \
	$(call install,$(NEWER),$$extras)

$(PEERS)/torch/installed:
	@$(call search,3.11); \
	if [ -z "$$python" ]; then echo "No Python 3.11 was found, which the comparison with torch runs on: install it and run make again." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(PEERS)/torch && \
	$(PEERS)/torch/bin/python -m pip install --quiet torch==2.13.0 numpy snntorch==1.0.0 nirtorch==2.6 nir==1.0.8 && \
	touch $@

$(PEERS)/sanafe/installed:
	@$(call search,3.11 3.12 3.10); \
	if [ -z "$$python" ]; then echo "No Python from 3.10 to 3.12 was found, which the comparison with SANA-FE runs on: install one of them and run make again." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(PEERS)/sanafe && \
	$(PEERS)/sanafe/bin/python -m pip install --quiet sanafe==2.2.9 && \
	touch $@

$(PEERS)/nengo_loihi/installed:
	@$(call search,3.9 3.10); \
	if [ -z "$$python" ]; then echo "No Python 3.9 or 3.10 was found, which the comparison with NengoLoihi runs on: install one of them and run make again." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(PEERS)/nengo_loihi && \
	$(PEERS)/nengo_loihi/bin/python -m pip install --quiet nengo-loihi==1.1.0 nengo==4.1.0 numpy==1.23.5 && \
	touch $@

$(PEERS)/brian2loihi/installed:
	@$(call search,3.9 3.10); \
	if [ -z "$$python" ]; then echo "No Python 3.9 or 3.10 was found, which the comparison with Brian2Loihi runs on: install it and run make again." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(PEERS)/brian2loihi && \
	$(PEERS)/brian2loihi/bin/python -m pip install --quiet brian2-loihi==0.5.2 brian2==2.6.0 numpy==1.23.5 cython==3.0.11 setuptools==69.5.1 && \
	touch $@
