# make demo   a throw-away catflap with a simulated NapCat and an echo app
# make test   everything that must pass: format, vet, staticcheck, unit, race, 32 bits, size, real frameworks, a real browser

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TAGS     := nethttpomithttp2
LDFLAGS  := -s -w -X main.version=$(VERSION)
OUT      ?= build/catflap
TOOL     := $(GO) tool -modfile=scripts/tools/go.mod

# Packages whose arithmetic and layout depend on the word size: they are tested again as 32-bit programs.
NARROW   := ./policy/... ./store/... ./appliance/onebot/... ./appliance/link/... ./appliance/config/...

.PHONY: build demo test lint fmt vet staticcheck guard unit narrow e2e browser faults soak kill deps bench fuzz clean release release-twice test-arm test-board test-openclaw

build:
	CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) -ldflags "$(LDFLAGS)" -o $(OUT) .

demo: build
	$(OUT) demo

test: deps lint guard unit narrow e2e browser faults

lint: fmt vet staticcheck

fmt:
	@bad=$$(find . -name '*.go' -not -path './.cache/*' -not -path './build/*' -exec gofmt -l {} +); \
	if [ -n "$$bad" ]; then echo "not gofmt-ed:"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(TOOL) staticcheck ./...

# Import arrows, binary size, file names and the table of seeds; and the installer, which wants minisign and openssl.
guard:
	$(GO) test -count=1 -timeout 10m ./scripts/guard/... ./scripts/release/...

unit:
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v '/scripts/')

narrow:
	GOARCH=386 CGO_ENABLED=0 $(GO) test -timeout 10m $(NARROW)

# Real NoneBot and Koishi processes on both sides of a catflap built with the race detector.
e2e: deps
	CGO_ENABLED=1 $(GO) test -count=1 -race -parallel 4 -timeout 20m ./scripts/e2e/...

# The fault harness mounts a small disk to fill it: as root, or in a user namespace of its own.
SMALL_DISK := $(if $(filter 0,$(shell id -u)),,unshare --user --map-root-user --mount)
SOAK_TIME  ?= 3m
SOAK_SEED  ?= 0
KILLS      ?= 200

# What an owner does in the console, in a real Chromium; pictures of every page are kept in build/browser. Debian: chromium
# and fonts-noto-cjk. CHROMIUM and CATFLAP name other programs.
browser: build
	bash scripts/browser/install.sh
	cd scripts/browser && CATFLAP="$${CATFLAP:-$(abspath $(OUT))}" node --test --test-concurrency=1 console.test.mjs

# A real OpenClaw gateway answers a QQ message, as docs/openclaw.md says. It installs 830 MB into .cache, so it is not part of
# `make test`.
test-openclaw: build
	bash scripts/openclaw/install.sh
	CATFLAP="$${CATFLAP:-$(abspath $(OUT))}" timeout 900 node --test --test-concurrency=1 scripts/openclaw/brain.test.mjs

# A short run of both parts below.
faults:
	CGO_ENABLED=1 $(SMALL_DISK) $(GO) test -count=1 -v -timeout 10m ./scripts/soak -soak.time=60s -soak.kills=20 -soak.seed=$(SOAK_SEED)

# Random faults for SOAK_TIME; a failure prints its seed, for SOAK_SEED.
soak:
	CGO_ENABLED=1 $(SMALL_DISK) $(GO) test -count=1 -v -timeout 24h ./scripts/soak -run TestSoak -soak.time=$(SOAK_TIME) -soak.seed=$(SOAK_SEED)

# kill -9 under load, KILLS times.
kill:
	CGO_ENABLED=1 $(SMALL_DISK) $(GO) test -count=1 -v -timeout 15m ./scripts/soak -run TestKillMinusNine -soak.kills=$(KILLS) -soak.seed=$(SOAK_SEED)

# Installs the frameworks into .cache; does nothing when they are there already.
deps:
	bash scripts/e2e/deps/install.sh

# The whole program against a bare relay on this machine, then the parts.
bench: build
	$(OUT) bench
	$(GO) test -run '^$$' -bench . -benchmem ./policy/... ./store/... ./appliance/...

# Each fuzz target of the tree for FUZZTIME.
FUZZTIME ?= 20s
fuzz:
	bash scripts/fuzz.sh $(FUZZTIME)

# What people download, in build/release: packages, archives, sums, signature. scripts/release/doc.go says what it reads.
release:
	$(GO) run ./scripts/release -tags $(TAGS) -check

# The same, built a second time elsewhere and compared byte by byte.
release-twice:
	$(GO) run ./scripts/release -tags $(TAGS) -check -twice

# The suites of NARROW as programs for arm64 and ARMv6, run by qemu-user (Debian: qemu-user-static).
test-arm:
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -count=1 -timeout 40m -exec qemu-aarch64-static $(NARROW)
	GOARCH=arm GOARM=6 CGO_ENABLED=0 $(GO) test -count=1 -timeout 40m -exec "qemu-arm-static -cpu arm1176" $(NARROW)

# Installs the arm64 package on an emulated board of 512 MB and puts it through a board's life. scripts/board/README.md
# says what it needs.
test-board:
	bash scripts/board/test.sh

clean:
	rm -rf build .cache
