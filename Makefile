# Dunlin. "make help" lists the targets; README.md says what they are for.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS      = -s -w
# The agent speaks HTTP/1.1 only (RATIONALE.md).
AGENTTAGS    = nethttpomithttp2
FUZZTIME    ?= 30s
TESTFLAGS   ?=
# GOARM=6 runs on every Raspberry Pi; armv7 is built for its instructions.
PLATFORMS    = linux/amd64 linux/arm64 linux/arm/7 linux/arm/6 linux/riscv64
# The bytes that an agent may have at most.
MAXAGENT     = 16000000

export CGO_ENABLED = 0

.PHONY: packages images test-packages help build test demo demo-auto demo-device cross bench bench-peers footprint fuzz lint ci ci-long test-kernel models goldens conformance test-tensorflow clients

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/dunlin, dunlin-guard, dunlin-grpc and dunlin-fleet for this machine
	$(GO) build -trimpath -tags $(AGENTTAGS) -ldflags '$(LDFLAGS)' -o bin/dunlin ./cmd/dunlin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/dunlin-guard ./cmd/dunlin-guard
	$(GO) build -trimpath -tags grpcnotrace -ldflags '$(LDFLAGS)' -o bin/dunlin-grpc ./cmd/dunlin-grpc
	$(GO) build -trimpath -ldflags '$(LDFLAGS) -X main.version=$(VERSION)' -o bin/dunlin-fleet ./cmd/dunlin-fleet

test: ## run all tests
	$(GO) test $(TESTFLAGS) ./...

demo: build ## run a whole fleet here, step by step: enrol, cut the link, push a worse model, kill an agent
	./bin/dunlin-fleet demo

demo-auto: build ## the same without waiting for Enter, as a test
	./bin/dunlin-fleet demo --auto

demo-device: build ## run two models on simulated and replayed sensors, with a live view
	./bin/dunlin run --config cmd/dunlin/demo/agent.yaml --view

cross: ## build dist/dunlin-* for all five architectures, none of them too large
	@large=; for p in $(PLATFORMS); do \
		set -- $$(echo $$p | tr / ' '); \
		out=dist/dunlin-$$1-$$2$${3:+v$$3}; \
		GOOS=$$1 GOARCH=$$2 GOARM=$$3 $(GO) build -trimpath -tags $(AGENTTAGS) -ldflags '$(LDFLAGS)' -o $$out ./cmd/dunlin || exit 1; \
		size=$$(wc -c < $$out); printf '%-24s %9d bytes\n' $$out $$size; \
		[ $$size -le $(MAXAGENT) ] || large="$$large $$out"; \
	done; \
	[ -z "$$large" ] || { echo "over $(MAXAGENT) bytes:$$large ('make footprint' shows what each module adds)"; exit 1; }

bench: ## time the kernels and the front ends
	$(GO) test -run '^$$' -bench . ./...

bench-peers: ## time the engine against LiteRT, model by model (Python, C compiler, ../shared/models)
	scripts/peers/run

packages: ## build dist/packages: deb, rpm, tarballs, SBOMs, checksums (VERSION=1.2.0, SIGNING_KEY=FILE)
	scripts/packages/make

images: ## build dist/images: OCI layouts of both programs for four architectures (VERSION=1.2.0)
	cd scripts/images && $(GO) run .

test-packages: ## install, upgrade, take back and purge the packages in a Debian tree (root, apt)
	.ci/long packages

footprint: cross ## print the size of every binary and what each module adds
	$(GO) run ./scripts/footprint

fuzz: ## run every fuzz test for FUZZTIME
	FUZZTIME=$(FUZZTIME) scripts/fuzz

lint: ## gofmt, vet, staticcheck
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "gofmt: $$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags kernel ./hal/...
	GOOS=darwin $(GO) vet ./cmd/...
	$(GO) vet -tags qemu ./cmd/dunlin
	$(GO) run $(STATICCHECK) ./...

ci: ## what every change must pass
	.ci/run

ci-long: ## fuzzing, random operators against LiteRT, all architectures
	.ci/long all

test-kernel: ## run the drivers and the agent in Debian's kernels under QEMU (root, apt)
	.ci/long drivers

test-tensorflow: ## run SavedModels with libtensorflow from the pinned wheel (Python, C compiler)
	scripts/tensorflow/run

clients: ## let tritonclient, kserve and schemathesis talk to an agent (Python)
	scripts/clients/run

goldens: ## record LiteRT's outputs anew (Python, ../shared/models)
	scripts/golden/make

conformance: build ## compare every model of ../shared/models, and the goldens, with LiteRT (Python)
	scripts/golden/make conformance

generate: ## write the assembly kernels anew (binutils for aarch64 and armhf)
	cd inference/internal/kernel/_generate && $(GO) test ./... && $(GO) run ./vnni > ../int8_amd64.s && \
		$(GO) run ./avx2 > ../int8_avx2_amd64.s && $(GO) run ./rows > ../rows_amd64.s && \
		$(GO) run ./float > ../f32_amd64.s && $(GO) run ./arm64 > ../int8_arm64.s && \
		$(GO) run ./arm64 float > ../f32_arm64.s && $(GO) run ./arm64 rows > ../rows_arm64.s && \
		$(GO) run ./int16 > ../int16_amd64.s && $(GO) run ./arm64 int16 > ../int16_arm64.s && \
		$(GO) run ./arm64 i8mm > ../i8mm_arm64.s && $(GO) run ./armv7 > ../int8_arm.s && $(GO) run ./armv7 int16 > ../int16_arm.s

models: ## train the demo's models anew (Python, TensorFlow)
	scripts/models/make
