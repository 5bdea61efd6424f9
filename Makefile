# Omni. `make` lists what can be done. Go and a shell are all that is needed.
GO       ?= go
BIN      := bin
PKG      := github.com/omni-run/omni
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X $(PKG)/internal/buildinfo.stamped=$(VERSION)
# The numeric kernels use the CPU's vector instructions under this experiment
# and plain Go without it. The gateway computes nothing.
SIMD     := GOEXPERIMENT=simd
BUILD    := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
SOURCES  := $(shell find . -name '*.go' -not -name '*_test.go' -not -path './bin/*') go.mod go.sum
# The race detector needs a C compiler; without one the tests run without it.
RACE     := $(shell command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1 && echo -race)
# What runs on the vector kernels, tested once more the way it is shipped.
VECTOR   := ./internal/ml/mat/... ./internal/ml/ets/... ./internal/ml/seqnet/... ./internal/ml/lstm/... ./internal/ml/globalforecast/... ./internal/service/forecast/...
TESTFLAGS ?= -shuffle=on -timeout 20m

.DEFAULT_GOAL := help
.PHONY: help up demo build images test test-deploy test-apiserver vulncheck lint fuzz gateway-deps openapi verify smoke accept clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(BIN)/omni ## build, start everything on this machine, print a URL, a key and a call
	@$(BIN)/omni up

demo: $(BIN)/omni ## run every capability against a running `make up`
	@$(BIN)/omni demo

build: $(BIN)/omni $(BIN)/omni-gateway $(BIN)/omni-worker ## the three binaries, static, in bin/

$(BIN)/%: $(SOURCES)
	@mkdir -p $(BIN)
	$(if $(filter omni-gateway,$*),,$(SIMD)) $(BUILD) -o $@ ./cmd/$*

# Dated by the commit, so that the same commit gives the same digests.
images: ## both container images, for amd64 and arm64, in dist/images; no container engine needed
	cd deploy && $(GO) run ./cmd/omni-images -source .. -out ../dist/images -version '$(VERSION)' \
		-revision '$(shell git rev-parse HEAD 2>/dev/null)' -epoch '$(shell git log -1 --format=%ct 2>/dev/null || echo 0)' $(IMAGEFLAGS)

# Every part runs even if one before it failed.
test: ## every test, race detector on, in random order; the kernels also as shipped
	@test -n "$(RACE)" || echo "no C compiler here: the tests run without the race detector"
	@status=0; set -x; \
	$(MAKE) --no-print-directory test-deploy || status=1; \
	$(GO) test $(RACE) $(TESTFLAGS) ./... || status=1; \
	$(SIMD) CGO_ENABLED=0 $(GO) vet $(VECTOR) || status=1; \
	$(SIMD) CGO_ENABLED=0 $(GO) test $(TESTFLAGS) $(VECTOR) || status=1; \
	exit $$status

test-deploy: ## the deployment files, images, upgrades (a module of its own: heavy dependencies)
	cd deploy && $(GO) test -timeout 20m ./...

# Kubernetes is compiled for this: some minutes. Needs etcd (apt-get install etcd-server).
test-apiserver: ## apply the Kubernetes manifests to a real API server, built here
	cd deploy/apiserver && $(GO) build -o ../../dist/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
	cd deploy && KUBE_APISERVER=$(CURDIR)/dist/kube-apiserver $(GO) test -count=1 -v -run RealAPIServer ./kubernetes

vulncheck: ## known vulnerabilities in what the programs call; needs vuln.go.dev
	./.ci/vulncheck

lint: ## gofumpt, go vet, staticcheck, golangci-lint (those that are installed)
	./.ci/lint

fuzz: ## each fuzz target for FUZZTIME (default 20s)
	./.ci/fuzz $(or $(FUZZTIME),20s)

gateway-deps: ## write down what the gateway's binary links
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./cmd/omni-gateway | LC_ALL=C sort > internal/archtest/gateway-deps.txt

openapi: ## write api/spec and docs/errors.md anew from the code
	$(GO) generate ./api/spec

verify: ## generated files and go.mod are as the code wants them
	$(GO) mod tidy -diff
	$(GO) generate ./api/spec
	git diff --exit-code -- api/spec docs/errors.md go.mod go.sum

smoke: build ## start the real binaries, call them, stop them
	./.ci/smoke

clean: ## remove what was built (not ./omni-data)
	rm -rf $(BIN) dist
