# What a user types: `make demo`, `make test`. Everything else is for those who work on Purview.

DEMO ?= --seconds 30
export CARGO_TERM_COLOR ?= auto

.PHONY: demo test check bench build tools differential crash revocation tracks simulated mutations

build:
	cargo build --release

demo: build
	target/release/purview demo $(DEMO)

# Everything that a test needs and that is not here is installed when it can be; a test that must be skipped says so loudly.
test: tools
	PURVIEW_CONFORMANCE_DIR="$${PURVIEW_CONFORMANCE_DIR:-$$(scripts/folder ../shared/conformance)}" \
	PURVIEW_TRACKS_DIR="$${PURVIEW_TRACKS_DIR:-$$(scripts/folder ../shared/tracks)}" \
	    cargo test --workspace --no-fail-fast

check:
	# Modules that a macro declares are not found by cargo fmt: the files are named.
	find . -name '*.rs' -not -path './target/*' -not -path './fuzz/target/*' -print0 | xargs -0 rustfmt --edition 2024 --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	scripts/deny
	cargo test --test tidy --quiet

tools:
	@scripts/tools

# Everything in docs/performance.md; `cargo bench --bench whole_way` alone for the whole way.
bench:
	cargo bench --workspace
	cargo run --release -p policy --example judge_ns
	cargo run --release -p protocols --example decode_speed

# Long forms of what `make test` runs short.
differential:
	PURVIEW_DIFFERENTIAL_OPERATIONS=1000000 cargo test --release --test it differential -- --nocapture

crash: build
	PURVIEW_CRASHES=100 cargo test --release --test it crash -- --nocapture

tracks:
	PURVIEW_TRACKS_ALL=1 PURVIEW_TRACKS_DIR="$${PURVIEW_TRACKS_DIR:-$$(scripts/folder ../shared/tracks)}" cargo test --release --test it tracks -- --nocapture

revocation:
	PURVIEW_REVOCATIONS=1000 cargo test --release --test it revocation -- --nocapture

simulated: build
	PURVIEW_SIMULATED_DEVICES=2000 PURVIEW_SIMULATED_SECONDS=60 cargo test --release --test it simulated -- --nocapture

mutations:
	PURVIEW_MUTATIONS_MAX=1000000 PURVIEW_CONFORMANCE_DIR="$${PURVIEW_CONFORMANCE_DIR:-$$(scripts/folder ../shared/conformance)}" \
	    cargo test --release -p protocols --test families mutate -- --nocapture --test-threads=1
