#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that a job needs, and only those missing.
#
#   scripts/install_packages.sh GROUP
#
#   run            running the kiosk here: what compiles two Python packages, draws and speaks
#   test           what the tests, and long measurements of the whole kiosk, need beside that
#   image          building the overlay and root images of a board
#   image-test     booting them in QEMU
#   flash          writing to a board over the network
#   lipsync        training and measuring the lip-sync model
#   shader-report  building the compiler of the boards' GPUs
#
# apt is never allowed to remove anything: where an installation would need a removal it
# stops with apt's own explanation. Nothing is asked of apt when nothing is missing. Of what it
# prints, over a thousand lines on a bare machine, its sizes are shown and how far it is; all of
# it when it fails.
set -euo pipefail

case "${1:-}" in
run)
    packages="python3-venv python3-dev gcc pkg-config libasound2-dev libsystemd-dev
        libegl1 libgles2 libgl1-mesa-dri libespeak-ng1 flite"
    ;;
test)
    packages="espeak-ng ffmpeg openssl squashfs-tools e2fsprogs libasound2-plugins
        pulseaudio pulseaudio-utils openssh-client dropbear-bin busybox systemd curl"
    ;;
image)
    packages="dpkg-dev openssl squashfs-tools e2fsprogs fakeroot
        gcc-aarch64-linux-gnu qemu-user-static"
    ;;
image-test)
    packages="mmdebstrap fakeroot kmod squashfs-tools e2fsprogs mtools dosfstools openssl
        qemu-system-arm qemu-utils ipxe-qemu"
    ;;
flash)
    packages="openssh-client"
    ;;
lipsync)
    packages="flite espeak-ng festival festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k
        festvox-itapc16k festvox-czech-dita festvox-czech-krb festvox-czech-machac
        festvox-ca-ona-hts fortunes iso-codes
        asterisk-core-sounds-en-g722 ffmpeg"
    # A node from elsewhere brings its own npm and would conflict with Debian's.
    command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
    ;;
shader-report)
    packages="dpkg-dev patch g++ pkg-config meson ninja-build bison flex python3-mako
        python3-packaging libdrm-dev libexpat1-dev zlib1g-dev libelf-dev"
    ;;
*)
    echo "error: install_packages.sh: no group '${1:-}'; there are run, test, image, image-test," \
        "flash, lipsync, shader-report" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "error: install_packages.sh: this is not a Debian system; install the equivalents of:" >&2
    echo "$packages" >&2
    exit 1
fi

missing=""
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "error: install_packages.sh: packages are missing and there is no sudo; as root run:" >&2
        echo "    apt-get install --no-remove$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt's status lines become a line for every fifth of the way, the rest goes into the log
show() {
    local line reached told=""
    while IFS= read -r line; do
        if [[ $line =~ ^(dl|pm)status:.*:([0-9]+)\.[0-9]+: ]]; then
            [ "${BASH_REMATCH[1]}" = dl ] && reached=fetched || reached=installed
            reached="$reached $((BASH_REMATCH[2] / 20 * 20)) %"
            [[ $reached == *" 0 %" || $reached == "$told" ]] || echo "  $reached"
            told=$reached
            continue
        fi
        case $line in "Need to get"* | "After this operation"*) echo "  $line" ;; esac
        echo "$line" >>"$log"
    done
}
# Status lines have a descriptor of their own, which dpkg does not get; sudo would close it, so the
# shell behind sudo opens it
as_root_apt() {
    $as_root env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        sh -c 'exec apt-get "$@" 3>&1 2>&1' apt-get "$@"
}

echo "Installing Debian packages:$missing"
echo "  reading the lists of what there is"
# a list of words, not one
# shellcheck disable=SC2086
if ! { as_root_apt update -qq >>"$log" && as_root_apt install --yes --no-remove \
    --no-install-recommends -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 $missing | show; }; then
    cat "$log" >&2
    echo "error: install_packages.sh: apt-get failed; its messages are above" >&2
    exit 1
fi
