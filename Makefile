# The commands of a working day; `make help` lists them.

CARGO    ?= cargo
PREFIX   ?= /usr/local
DESTDIR  ?=
# What is installed comes here.
HERE     := $(abspath $(DESTDIR)$(PREFIX))
# Where `make run` keeps its server.
DATA     ?= data
# How many tests run at the same time; they start real servers.
THREADS  ?= 4
VERSION  := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
PROGRAM  := target/debug/morelia
ARCH     := $(shell dpkg --print-architecture 2>/dev/null)
# Times in packages are those of the last commit, and paths in programs those of no machine: two builds of
# one commit are the same bytes. Elsewhere the time would make each commit compile SQLite anew.
RELEASED := program install dist dist-arm64 dist-armhf deb deb-arm64 deb-armhf image sbom release packages-check
$(RELEASED): export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
CARGO_DIR := $(or $(CARGO_HOME),$(HOME)/.cargo)
SAME      := RUSTFLAGS="--remap-path-prefix=$(CURDIR)=/morelia --remap-path-prefix=$(CARGO_DIR)=/cargo" \
             CFLAGS="-ffile-prefix-map=$(CURDIR)=/morelia -ffile-prefix-map=$(CARGO_DIR)=/cargo"
# What the tests need beyond Rust, as Debian's packages: a command each, and what provides it.
NEEDED   := chromium:chromium chromedriver:chromium-driver sqlite3:sqlite3 strace:strace openssl:openssl \
            valgrind:valgrind pebble:pebble curl:curl jq:jq node:nodejs npm:npm certutil:libnss3-tools \
            python3:python3 file:file readelf:binutils dpkg-deb:dpkg age:age \
            prometheus-alertmanager:prometheus-alertmanager amtool:prometheus-alertmanager git:git \
            /usr/sbin/mosquitto:mosquitto mosquitto_sub:mosquitto-clients

.DEFAULT_GOAL := help
.PHONY: help build run test types check deny fuzz soak interop bench golden program install \
        dist dist-arm64 check-arm64 dist-armhf check-armhf deb deb-arm64 deb-armhf image sbom release packages-check upgrade-check packages

help: ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: ## build the program for development
	$(CARGO) build

run: build ## set up a server in ./data if there is none, and serve
	@mkdir -p $(DATA)
	@if [ -e $(DATA)/morelia.ini ]; then :; \
	elif [ -t 0 ]; then $(PROGRAM) --config $(DATA)/morelia.ini init --if-needed --admin "$${ADMIN:-admin}"; \
	else $(PROGRAM) --config $(DATA)/morelia.ini init --if-needed --admin "$${ADMIN:-admin}" --generate </dev/null; fi
	@exec $(PROGRAM) --config $(DATA)/morelia.ini serve

test: packages ## run all tests
	@CARGO="$(CARGO)" THREADS="$(THREADS)" tests/run.sh

types: ## check the types of the web client's pure modules, with npm's typescript
	npx --yes --package=typescript@5 tsc -p tests/node

check: packages ## formatting, lints, tests, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	@CARGO="$(CARGO)" THREADS="$(THREADS)" tests/run.sh
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps
	@$(MAKE) --no-print-directory types deny

deny: ## licences, sources and known weaknesses of what the program is built from
	@command -v cargo-deny >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources
	@if $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny check advisories; \
	else echo "The database of advisories cannot be had: known weaknesses were not looked for." >&2; fi

fuzz: ## look for inputs that break something, MINUTES= for each of the TARGETS=
	@command -v cargo-fuzz >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	fuzz/seeds.sh
	@# The sanitizers are for nightly toolchains; a stable one has them too, behind a variable.
	@if $(CARGO) +nightly --version >/dev/null 2>&1; then nightly=+nightly; \
	else nightly=; export RUSTC_BOOTSTRAP=1; fi; \
	libraries=$$(rustc $$nightly --print sysroot)/lib/rustlib/$$(rustc $$nightly --print host-tuple)/lib; \
	sanitizer=address; ls $$libraries/*rt.asan* >/dev/null 2>&1 || sanitizer=none; \
	for target in $(or $(TARGETS),frames requests http searches pictures hooks); do \
	  dictionary=; [ ! -e fuzz/$$target.dict ] || dictionary=-dict=fuzz/$$target.dict; \
	  $(CARGO) $$nightly fuzz run --sanitizer $$sanitizer $$target -- \
	    -max_total_time=$$(( $(or $(MINUTES),5) * 60 )) -rss_limit_mb=4096 $$dictionary || exit 1; done

soak: packages ## 50 clients for MINUTES= (30), then 200 damaged databases; says what it measured
	MORELIA_SOAK_MINUTES=$(or $(MINUTES),30) $(CARGO) test --test tests soak:: -- --nocapture
	MORELIA_POSTS=$(or $(POSTS),10000) $(CARGO) test --test tests posts:: -- --nocapture
	MORELIA_DAMAGES=$(or $(DAMAGES),200) $(CARGO) test --test tests faults::salvage -- --nocapture

interop: packages ## large files and Matrix by programs in the field; builds a client, for ten minutes at first
	MORELIA_TRANSFER_MIB=$(or $(MIB),300) $(CARGO) test --test tests transfers:: -- --nocapture
	CARGO_TARGET_DIR=target/interop $(CARGO) build --locked --manifest-path tests/interop/matrix-sdk/Cargo.toml
	MORELIA_MATRIX_SDK=$(CURDIR)/target/interop/debug/matrix-sdk-client \
	  $(CARGO) test --test tests matrix::clients:: -- --nocapture

bench: ## measure against the limits of this machine; QUICK=1 takes two minutes
	QUICK=$(QUICK) $(CARGO) bench --bench load -- $(PARTS)

golden: ## record the answers of tests/golden anew; review the difference
	MORELIA_GOLDEN_REWRITE=1 $(CARGO) test --test tests golden::every_method
	git --no-pager diff --stat -- tests/golden

program: ## build the program for use
	$(SAME) $(CARGO) build --release --locked

install: program ## install program, manual page, unit and documentation under PREFIX
	install -D -m 755 target/release/morelia $(HERE)/bin/morelia
	install -D -m 644 morelia.ini.example $(HERE)/share/doc/morelia/morelia.ini.example
	install -m 644 README.md CHANGELOG.md COPYING COPYING.LESSER docs/*.md $(HERE)/share/doc/morelia/
	install -d $(HERE)/share/man/man1 $(HERE)/share/bash-completion/completions \
	  $(HERE)/share/zsh/site-functions $(HERE)/share/fish/vendor_completions.d $(HERE)/lib/systemd/system
	$(HERE)/bin/morelia help --man > $(HERE)/share/man/man1/morelia.1
	$(HERE)/bin/morelia completions bash > $(HERE)/share/bash-completion/completions/morelia
	$(HERE)/bin/morelia completions zsh > $(HERE)/share/zsh/site-functions/_morelia
	$(HERE)/bin/morelia completions fish > $(HERE)/share/fish/vendor_completions.d/morelia.fish
	@# For the configuration in /etc/morelia; as long as there is none, the database is in /var/lib.
	@[ -e /etc/morelia/morelia.ini ] || export MORELIA__DATABASE__PATH=/var/lib/morelia/morelia.db; \
	cd / && XDG_CONFIG_HOME=/nonexistent $(HERE)/bin/morelia service unit --program $(PREFIX)/bin/morelia \
	  > $(HERE)/lib/systemd/system/morelia.service
	@echo "Installed. What comes next is in $(PREFIX)/share/doc/morelia/operating.md"

dist: program ## archive the program for this kind of machine, with checksums
	build/pack.sh morelia-$(VERSION)-$$(uname -m)-linux target/release/morelia

dist-arm64: ## archive the program for a Raspberry Pi with a 64-bit system
	$(SAME) CARGO=$(CARGO) build/cross.sh dist arm64

check-arm64: ## start what dist-arm64 has made in an emulator, and talk to it
	build/cross.sh check arm64

dist-armhf: ## archive the program for a Raspberry Pi with a 32-bit system
	$(SAME) CARGO=$(CARGO) build/cross.sh dist armhf

check-armhf: ## start what dist-armhf has made in an emulator, and talk to it
	build/cross.sh check armhf

deb: program ## make a Debian package for this kind of machine, in target/dist
	build/deb.sh $(ARCH) target/dist target/release/morelia

deb-arm64: ## make a Debian package for a Raspberry Pi with a 64-bit system
	$(SAME) CARGO=$(CARGO) build/cross.sh deb arm64

deb-armhf: ## make a Debian package for a Raspberry Pi with a 32-bit system
	$(SAME) CARGO=$(CARGO) build/cross.sh deb armhf

image: program ## make an OCI image for amd64 and arm64, in target/dist
	$(SAME) CARGO=$(CARGO) build/cross.sh build arm64
	@mkdir -p target/dist
	build/image.py target/dist/morelia-$(VERSION)-image.tar $(ARCH)=target/release/morelia \
	  arm64=$$(build/cross.sh where arm64)

sbom: ## write the bill of materials (CycloneDX), in target/dist
	@mkdir -p target/dist
	CARGO=$(CARGO) build/sbom.py > target/dist/morelia-$(VERSION).cdx.json

release: ## from the tag of this commit to all files of a release, in target/dist
	build/release.sh

upgrade-check: build ## upgrade a server from the commit FROM= (the last tag) and go back, with both programs
	CARGO=$(CARGO) build/check-upgrade.sh $(FROM)

packages-check: ## install, upgrade, remove and purge the package in a bare Debian; start the image (needs root)
	build/check-packages.sh

# Installs only what is missing, and only as root; otherwise it says what to do.
packages:
	@missing=; for pair in $(NEEDED); do \
	  command -v $${pair%%:*} >/dev/null 2>&1 || missing="$$missing $${pair##*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null 2>&1; then \
	  echo "The tests need what Debian calls$$missing; install it and run this again." >&2; exit 1; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "The tests need Debian packages. Run this, then try again: sudo apt-get install$$missing" >&2; exit 1; fi; \
	echo "Installing for the tests:$$missing"; \
	{ $$sudo apt-get install -y -q --no-install-recommends $$missing || \
	  { $$sudo apt-get update -q && $$sudo apt-get install -y -q --no-install-recommends $$missing; }; } >/dev/null
