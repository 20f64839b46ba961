# make demo   on a fresh Debian machine with Go: installs what is missing, builds colabo, brings FunTime up
# make test   unit tests, the contract suite and the whole-program tests, on libvirt and Docker
# make unit   just the tests that need no daemon
# make lint   golangci-lint, layers of imports included
# make bench  colabo beside the same work done by hand

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT    := bin/golangci-lint
LINT_VERSION := v2.15.0

export CGO_ENABLED = 0

.PHONY: build demo test test-setup unit lint bench setup box clean

build:
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/colabo ./cmd/colabo

setup:
	scripts/host-setup

# What the tests look at the result with.
test-setup:
	scripts/host-setup libxml2-utils iproute2 procps bsdutils

demo: setup build
	cd examples/funtime && ../../bin/colabo up
	@echo
	@echo "FunTime runs. Look at http://localhost:8080, or log in: cd examples/funtime && ../../bin/colabo ssh"
	@echo "To remove it: cd examples/funtime && ../../bin/colabo destroy -f"

unit:
	$(GO) vet ./...
	$(GO) test ./...

box: setup build
	bin/colabo box list --json | grep -q '"debian-12"' || bin/colabo box build debian-12

# box_path is the shell command that prints where the newest debian-12 box has its file of this kind.
box_path = $$(bin/colabo box list --json | grep '"debian-12"' | head -n 1 | sed 's/.*"$(1)":"\([^"]*\)".*/\1/')

# The packages with real daemons in their tests run one after the other: two cores are not many for guests.
test: test-setup box
	$(GO) vet ./...
	COLABO_REQUIRE=$${COLABO_REQUIRE:-libvirt,docker} COLABO=$(CURDIR)/bin/colabo \
	COLABO_TEST_BOX_DISK=$(call box_path,disk) COLABO_TEST_BOX_ROOTFS=$(call box_path,rootfs) \
		$(GO) test -p 1 -count 1 -timeout 40m ./...

lint: $(LINT)
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

bench: box
	COLABO=$(CURDIR)/bin/colabo $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./e2e

clean:
	rm -rf bin
