#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The state file and the choice of a slot. Sourced by the hook's scripts; as a command,
# `slots.sh choose` writes the state that a boot would write and prints a, b or none.
#
# Every change of the state is one rename after the new file has been synced, so a power cut
# leaves the old state or the new one. A missing or damaged file is made anew from what
# verifies (a before b). Where nothing can be written, the last good image runs all the same.
# kioskd/update/slot_state.py reads and writes the same file.
KIOSK_STORE=${KIOSK_STORE:-/var/lib/kiosk}
KIOSK_RUN=${KIOSK_RUN:-/run/kiosk}
KIOSK_HOOK=${KIOSK_HOOK:-/usr/libexec/kiosk}
export KIOSK_STORE KIOSK_RUN KIOSK_HOOK
state=$KIOSK_STORE/state
active='' pending='' tries=0 failures=0 slot=''
known_a='' known_b='' problem_a='' problem_b=''

say() { printf '%s\n' "$*" >&2; }

other() { if [ "$1" = a ]; then echo b; else echo a; fi; }

# state_text: the file as it must be; anything else counts as damaged
state_text() {
	set -- "format=1
active=$active
pending=$pending
tries=$tries
failures=$failures"
	set -- "$1" "$(printf '%s\n' "$1" | sha256sum)"
	printf '%s\nsum=%s\n' "$1" "${2%% *}"
}

# state_read: sets active, pending, tries and failures; fails where there is no whole file
state_read() {
	active='' pending='' tries=0 failures=0
	# -f: a FIFO would be waited for
	[ -f "$state/slots" ] && [ -r "$state/slots" ] || return 1
	while IFS='=' read -r key value; do
		case $key=$value in
			active=[ab]) active=$value ;;
			pending=[ab]) pending=$value ;;
			tries=[0-9]) tries=$value ;;
			failures=0 | failures=[1-9] | failures=[1-9][0-9] | failures=[1-9][0-9][0-9])
				failures=$value ;;
		esac
	done <"$state/slots"
	[ -n "$active" ] && [ "$active" != "$pending" ] &&
		[ "$(state_text | sha256sum)" = "$(sha256sum <"$state/slots")" ]
}

# replace FILE: its new content is standard input; durable when this returns 0
replace() {
	mkdir -p "$state" && rm -f "$1.new" &&
		cat >"$1.new" && settle "$1.new" && mv -f "$1.new" "$1" && settle "$state"
}

settle() { sync "$1" 2>/dev/null || sync; }

state_write() {
	state_text | replace "$state/slots" || {
		say "$state cannot be written"
		return 1
	}
}

# version_of SLOT: what the manifest of its image ends with, unverified
version_of() {
	tail -c 1024 "$KIOSK_STORE/slots/$1.img" | LC_ALL=C sed -n 's/.*"version":"\([^"]*\)"}$/\1/p'
} 2>/dev/null

# result_write RESULT SLOT REASON: what people and health are told; nothing decides by it
result_write() {
	printf 'result=%s\nslot=%s\nversion=%s\nreason=%s\ntime=%s\n' \
		"$1" "$2" "$(version_of "$2")" "$3" "$(date +%s)" | replace "$state/last-result" || true
}

# check SLOT: whether its image verifies; looks once
check() {
	eval "known=\$known_$1"
	if [ -z "$known" ]; then
		image=$KIOSK_STORE/slots/$1.img
		known=no problem='empty: no image is installed'
		if [ -e "$image" ]; then
			# Its reason is on standard error
			problem=$("$KIOSK_HOOK/verify" "$image" 2>&1 >/dev/null) && known=yes problem=''
		fi
		eval "known_$1=\$known problem_$1=\$problem"
		[ -z "$problem" ] || say "slot $1: $problem"
	fi
	[ "$known" = yes ]
}

# usable SLOT: what a slot must be to be chosen; activate demands more of it
usable() { check "$1"; }

# drop REASON: the image on trial is given up
drop() {
	say "slot $pending is given up: $1"
	pending='' tries=0 failures=$((failures < 999 ? failures + 1 : 999))
	state_write && result_write fallback "$active" "$1"
}

# choose: sets slot, or fails where no image is usable
choose() {
	slot=''
	if ! state_read; then
		for slot in a b; do
			active=$slot pending='' tries=0 failures=0
			if usable $slot; then
				say "the state is made anew: slot $slot"
				state_write
				return 0
			fi
		done
		return 1
	fi
	if [ -n "$pending" ] && [ "$tries" -eq 0 ]; then
		drop tries_used_up
	elif [ -n "$pending" ]; then
		tries=$((tries - 1))
		# Counted before it is mounted: an image that brings the board down has used its try.
		# What cannot be counted is not tried.
		if state_write; then
			slot=$pending
			usable "$slot" && return 0
			drop not_verified
		fi
	fi
	slot=$active
	usable "$slot" && return 0
	slot=$(other "$active")
	usable "$slot" || return 1
	active=$slot pending='' tries=0 failures=0
	state_write && result_write fallback "$slot" active_damaged
	return 0
}

if [ "${0##*/}" = slots.sh ]; then
	if [ "${1-}" = choose ]; then
		choose || slot=none
		echo "$slot"
	else
		say "usage: slots.sh choose"
		exit 2
	fi
fi
