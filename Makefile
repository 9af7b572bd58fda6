# What can be done here. Each target stands alone, asks nothing and says what went wrong.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup build-setup demo test lint bench soak

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need (Debian, Ubuntu); nothing when all is there
	@scripts/setup

build-setup:
	@scripts/setup build

demo: build-setup ## Issue 200 device certificates from the sample configs and show what was made
	@scripts/demo

test: setup ## Run every test
	@scripts/test

lint: build-setup ## Check formatting, lints, documentation, dependencies and scripts
	@scripts/lint

bench: setup ## Measure the speed of issuing, side by side with openssl
	@scripts/bench

soak: setup ## Run the fuzz targets and the long versions of the tests; minutes to hours
	@scripts/soak
