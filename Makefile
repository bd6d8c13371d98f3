# The commands of the house; `make help` lists them. Each does its own set-up and says what it does.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check bench mutants fuzz soak clean

# One selection for everything that compiles: the same crates, features and profile give the same
# artefacts, so dependencies are built once for the tests, and checked once for clippy and the docs.
ALL := --workspace --all-features --locked

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## build the release and start the demo on http://127.0.0.1:8080, with its data in ./data
	@scripts/need cargo cc node
	cargo build --release --locked -p dripline
	$${CARGO_TARGET_DIR:-./target}/release/dripline serve --demo

# The examples come first, so that the runner's own summary is what closes the output.
test: ## run every test, on both databases, in a browser and through Kannel, installing what it lacks
	@scripts/need cargo cc node nextest kannel
	cargo fetch --locked --quiet
	cargo test --doc --quiet $(ALL)
	cargo nextest run $(ALL) --no-run
	scripts/e2e
	scripts/judges
	scripts/postgres cargo nextest run $(ALL)

check: ## formatting, lints, documentation, tidiness and licences, advisories where known offline
	@scripts/need cargo rustfmt clippy cc node nextest
	cargo fetch --locked --quiet
	cargo fmt --all --check
	cargo clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps --document-private-items
	cargo nextest run $(ALL) -E 'binary(tidy)'
	bench/mutate --check
	@scripts/advisories

bench: ## run the benchmarks
	@scripts/need cargo cc node
	bench/run
	bench/speed
	bench/import
	bench/pages
	bench/pending
	bench/webhooks
	bench/several

mutants: ## break the program on purpose, one way at a time, and see which tests notice
	@scripts/need cargo cc node nextest
	bench/mutate

fuzz: ## feed every parser with nearly right input for FUZZ_SECONDS (20) each, with a nightly compiler
	@scripts/need cargo cc
	fuzz/run

soak: ## live worlds of the simulation from new seeds for SOAK_SECONDS (3600)
	@scripts/need cargo cc nextest
	bench/soak

clean: ## remove what was built (never ./data)
	cargo clean
