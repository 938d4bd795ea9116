#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tells whether a board can be a kiosk, before anything is flashed: run it on the vendor's Linux.
#
#   sh probe.sh            a page: go, go with limits or no-go for each thing, and why
#   sh probe.sh --facts    what was found as name=value lines, for programs
#
# It reads and changes nothing, needs no root (some things are told only to root), no network, and
# of the tools of a Unix only those that busybox has. Exit status: 0 go, also with limits; 1 no-go;
# 2 the command line is wrong. PROBE_ROOT=folder looks at a copied tree instead of this machine.
set -u

# name|device tree|DRM drivers|what it is, from board/*/board.yaml
BOARDS='8189|mediatek,mt8189 mediatek,mt8371 mediatek,mt8391|mediatek|MediaTek MT8189 family (Genio 520 and 720 class)
g88|mediatek,mt6769 mediatek,mt6768 mediatek,mt8786|mediatek|MediaTek Helio G88 (sold with Android only, needs a vendor'\''s Linux)
qemu-virt|linux,dummy-virt|virtio-gpu virtio_gpu|QEMU'\''s arm64 virtual machine (for tests)
rk3576|rockchip,rk3576|rockchip|Rockchip RK3576 boards
s565|||S565 (chip unknown, generic 64-bit ARM)'

root=${PROBE_ROOT:-}
facts=no
case "$#${1:-}" in
0) ;;
1--facts) facts=yes ;;
1--help | 1-h)
    sed -n '3,11s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
*)
    echo "error: probe.sh: '$*' is not understood; there are no options but --facts and --help" >&2
    exit 2
    ;;
esac

worst=go
# say VERDICT NAME FOUND [WHY]: one thing of the page, or one fact
say() {
    case $1 in
    no-go) worst=no-go ;;
    limits) [ "$worst" = no-go ] || worst=limits ;;
    esac
    if [ "$facts" = yes ]; then
        printf '%s=%s %s\n' "$2" "$1" "$3"
        return
    fi
    printf '%-6s  %-12s %s\n' "$1" "$2" "$3"
    [ -z "${4:-}" ] || printf '%s\n' "$4" | sed 's/^/                     /'
}
first() { head -n 1 "$1" 2>/dev/null | tr -d '\0'; }
have() { command -v "$1" >/dev/null 2>&1; }
# Programs answer for this machine alone, so they are not asked about a copied tree
live() { [ -z "$root" ] && have "$1"; }
joined() { tr '\n' ' ' | sed 's/  */ /g; s/^ //; s/ $//'; }

# --- the machine and its board ---------------------------------------------------------------

probe_architecture() {
    arch=$(first "$root/proc/sys/kernel/arch")
    [ -n "$arch" ] || arch=$([ -z "$root" ] && uname -m)
    case $arch in
    aarch64 | arm64) say go architecture "$arch" ;;
    armv8*) say no-go architecture "$arch" "A 32-bit system on a 64-bit processor: ask the vendor for a 64-bit (arm64) image." ;;
    '') say limits architecture unknown "The system does not tell; a kiosk needs aarch64." ;;
    *) say no-go architecture "$arch" "The kiosk runs on 64-bit ARM (aarch64)." ;;
    esac
}

probe_board() {
    compatible=$(cat "$root/proc/device-tree/compatible" 2>/dev/null | tr '\0' ' ' | joined)
    model=$(first "$root/proc/device-tree/model")
    found=${model:-no device tree}${compatible:+ ($compatible)}
    [ "$facts" = no ] || { printf 'model=%s\ncompatible=%s\n' "$model" "$compatible"; }
    board=$(match_board)
    if [ -n "$board" ]; then
        say go board "$found" "Build for it with: make overlay BOARD=$board"
        return
    fi
    near=s565
    case " $compatible" in
    *' rockchip,'*) near=rk3576 ;;
    *' mediatek,mt8'*) near=8189 ;;
    *' mediatek,'*) near=g88 ;;
    esac
    board=$near
    say limits board "$found" "No board file names this chip. The nearest is $near: copy board/$near to a folder of
your board's name, write the first of the names above into \`compatible:\`, and build for that."
}

match_board() {
    printf '%s\n' "$BOARDS" | while IFS='|' read -r name chips _ _; do
        for chip in $chips; do
            case " $compatible " in *" $chip "*) echo "$name"; break ;; esac
        done
    done | head -n 1
}

# --- the system ------------------------------------------------------------------------------

probe_libc() {
    if [ -e "$root/system/bin/linker64" ] && [ ! -d "$root/lib/systemd" ] && [ ! -d "$root/usr/lib/systemd" ]; then
        say no-go libc "bionic (Android)" "Android has neither glibc nor systemd: the board needs a Linux of its vendor's."
        return
    fi
    for loader in /lib/ld-linux-aarch64.so.1 /usr/lib/ld-linux-aarch64.so.1 /lib64/ld-linux-x86-64.so.2; do
        if [ -e "$root$loader" ] || [ -h "$root$loader" ]; then
            version=''
            if live ldd; then version=$(ldd --version 2>&1 | sed -n '1s/.* \([0-9][0-9.]*\)$/\1/p'); fi
            say go libc "glibc${version:+ $version}"
            return
        fi
    done
    if ls "$root"/lib/ld-musl-* >/dev/null 2>&1; then
        say no-go libc musl "The kiosk and the vendor's GL libraries need glibc: a Debian, Ubuntu or Yocto (glibc) image."
    else
        say no-go libc "no glibc found" "The kiosk needs a system with glibc, such as the vendor's Debian, Ubuntu or Yocto image."
    fi
}

probe_systemd() {
    version=''
    if live systemctl; then version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'); fi
    if [ -z "$version" ]; then
        for library in "$root"/lib/systemd/libsystemd-shared-*.so "$root"/usr/lib/systemd/libsystemd-shared-*.so "$root"/usr/lib/*/systemd/libsystemd-shared-*.so; do
            [ -e "$library" ] || continue
            version=$(echo "$library" | sed 's/.*libsystemd-shared-\([0-9]*\).*/\1/')
        done
    fi
    if [ -z "$version" ]; then
        say no-go systemd none "The kiosk is started and watched by systemd, 247 or newer; this system has another init."
    elif [ "$version" -lt 247 ]; then
        say no-go systemd "$version" "247 or newer is needed (Debian 11 has 247, Debian 12 has 252)."
    else
        say go systemd "$version"
    fi
}

# option NAME: y, m, n or empty where the configuration is not to be had
option() { printf '%s\n' "$kernel_config" | sed -n "s/^CONFIG_$1=\([ym]\).*/\1/p; s/^# CONFIG_$1 is not set/n/p" | head -n 1; }
filesystem() { grep -qw "$1" "$root/proc/filesystems" 2>/dev/null; }
module() { find "$root/lib/modules/$release" -name "$1.ko*" 2>/dev/null | grep -q .; }

probe_kernel() {
    release=$(first "$root/proc/sys/kernel/osrelease")
    kernel_config=''
    if [ -r "$root/proc/config.gz" ]; then
        kernel_config=$(gzip -dc "$root/proc/config.gz" 2>/dev/null || zcat "$root/proc/config.gz" 2>/dev/null)
    elif [ -r "$root/boot/config-$release" ]; then
        kernel_config=$(cat "$root/boot/config-$release")
    fi
    [ "$facts" = no ] || printf 'kernel=%s\n' "$release"
    needs "squashfs" SQUASHFS squashfs "The payload is a squashfs image."
    needs "squashfs-xz" SQUASHFS_XZ '' "The payload is compressed with xz: a kernel without it cannot read it."
    needs "loop" BLK_DEV_LOOP '' "The image of a slot is mounted through a loop device."
    needs "ext4" EXT4_FS ext4 "Slots and settings lie on ext4."
    if [ -e "$root/sys/fs/cgroup/cgroup.controllers" ]; then
        if [ "$(option CGROUP_BPF)" = n ]; then
            say limits cgroups "version 2, no CGROUP_BPF" "It works; systemd cannot keep the service from other devices."
        else
            say go cgroups "version 2"
        fi
    elif [ -d "$root/sys/fs/cgroup/systemd" ]; then
        say limits cgroups "version 1" "It works; memory limits and device rules of the service are weaker."
    else
        say no-go cgroups none "systemd needs CONFIG_CGROUPS."
    fi
}

# needs NAME OPTION FILESYSTEM WHY
needs() {
    value=$(option "$2")
    case $value in
    y) say go "$1" "built in" ;;
    m) say go "$1" "a module" ;;
    n) say no-go "$1" "not in this kernel" "$4 Ask the vendor for CONFIG_$2=y." ;;
    *)
        if [ -n "$3" ] && filesystem "$3"; then
            say go "$1" "there"
        elif [ "$1" = loop ] && ls "$root"/dev/loop* "$root"/sys/block/loop* >/dev/null 2>&1; then
            say go "$1" "there"
        elif [ -n "$3" ] && module "$3"; then
            say go "$1" "a module"
        elif [ -n "$kernel_config" ]; then
            say no-go "$1" "not in this kernel" "$4 Ask the vendor for CONFIG_$2=y."
        else
            say limits "$1" "not known" "$4 This kernel does not tell its options (CONFIG_IKCONFIG_PROC); ask the vendor for CONFIG_$2."
        fi
        ;;
    esac
}

probe_openssl() {
    if [ -x "$root/usr/bin/openssl" ] || [ -x "$root/bin/openssl" ] || live openssl; then
        say go openssl "there"
    else
        say limits openssl "missing" "It checks the image's signature: apt install openssl, or have it in the image."
    fi
}

probe_memory() {
    total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo" 2>/dev/null)
    free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo" 2>/dev/null)
    found="$((${total:-0} / 1024)) MiB, $((${free:-0} / 1024)) free"
    if [ -z "$total" ]; then
        say limits memory unknown "256 MB must be free."
    elif [ "${free:-$total}" -lt 262144 ]; then
        say limits memory "$found" "256 MB must be free once the vendor's desktop is off."
    else
        say go memory "$found"
    fi
}

# --- picture ---------------------------------------------------------------------------------

probe_screen() {
    drivers=$(printf '%s\n' "$BOARDS" | sed -n "s/^$board|[^|]*|\([^|]*\)|.*/\1/p")
    cards=0 lit=0
    for card in "$root"/sys/class/drm/card[0-9]*; do
        case ${card##*/} in *-*) continue ;; esac
        [ -d "$card" ] || continue
        driver=$(sed -n 's/^DRIVER=//p' "$card/device/uevent" 2>/dev/null)
        [ -n "$driver" ] || driver=$(ls -l "$card/device/driver" 2>/dev/null | sed 's|.*/||')
        connectors=''
        for connector in "$card"/"${card##*/}"-*; do
            [ -e "$connector/status" ] || continue
            state=$(first "$connector/status")
            mode=$(first "$connector/modes")
            size=$(panel_size "$connector/edid")
            connectors="$connectors ${connector##*/card[0-9]-} $state${mode:+ $mode}${size:+ $size};"
            [ "$state" != connected ] || lit=$((lit + 1))
        done
        if [ -z "$connectors" ]; then
            say go "${card##*/}" "${driver:-unknown driver}: no connectors (a GPU or NPU, not a screen)"
            continue
        fi
        cards=$((cards + 1))
        wanted=no
        [ -n "$drivers" ] || wanted=yes
        for name in $drivers; do [ "$name" != "$driver" ] || wanted=yes; done
        if [ "$wanted" = yes ]; then
            say go "${card##*/}" "$driver:$connectors"
        else
            say limits "${card##*/}" "$driver:$connectors" "board/$board names the drivers $drivers: add this one to \`drm_drivers:\`."
        fi
    done
    if [ "$cards" -eq 0 ] && [ -e "$root/dev/fb0" ]; then
        say no-go screen "a framebuffer only" "There is no KMS driver (CONFIG_DRM): the kiosk cannot draw its picture there."
    elif [ "$cards" -eq 0 ]; then
        say no-go screen "none" "No display controller with a KMS driver is known to the kernel."
    elif [ "$lit" -eq 0 ]; then
        say limits screen "none is connected" "Connect one and run this again; the kiosk waits for it meanwhile."
    else
        say go screen "$lit connected"
    fi
}

# An EDID's bytes 21 and 22 are the picture's size in centimetres
panel_size() {
    [ -s "$1" ] && have od || return 0
    set -- $(od -An -tu1 -j21 -N2 "$1" 2>/dev/null)
    [ "${1:-0}" -gt 0 ] && echo "${1}x${2} cm"
}

probe_gl() {
    libraries=''
    for name in libEGL.so.1 libGLESv2.so.2 libgbm.so.1; do
        place=''
        for folder in /usr/lib/aarch64-linux-gnu /lib/aarch64-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
            if [ -e "$root$folder/$name" ] || [ -h "$root$folder/$name" ]; then place=$folder/$name; break; fi
        done
        if [ -z "$place" ]; then
            say no-go gl "no $name" "OpenGL ES needs the vendor's GL packages, or Mesa: apt install libegl1 libgles2 libgbm1."
            return
        fi
        libraries="$libraries $(library_owner "$place")"
    done
    vendor=$(printf '%s\n' $libraries | sed 's/.*=//' | sort -u | joined)
    say go gl "$vendor"
    case $vendor in
    *' '*) say limits gl-mix "$vendor" "EGL, GLES and GBM come from different makers. Some vendors' packages do this and show
red for blue: look at the colours of the first picture." ;;
    esac
    if [ -c "$root/dev/mali0" ] || [ -e "$root/dev/mali0" ]; then say go gpu "/dev/mali0 (the vendor's Mali driver)"
    elif ls "$root"/dev/dri/renderD* >/dev/null 2>&1; then say go gpu "$(ls "$root"/dev/dri | grep renderD | joined)"
    else say limits gpu "none" "Neither /dev/mali0 nor a render node: without a GPU's driver the processor draws, slowly."
    fi
    for tool in eglinfo es2_info; do
        live $tool || continue
        renderer=$($tool 2>/dev/null | sed -n 's/.*GL_RENDERER[^:]*: *//p; s/.*renderer string: *//p' | sort -u | head -n 1)
        case $renderer in
        '') ;;
        *llvmpipe* | *softpipe* | *SWR*) say limits renderer "$renderer" "A software rasteriser: the GPU's driver is not used." ;;
        *) say go renderer "$renderer" ;;
        esac
        return
    done
}

# NAME=mali, mesa or another maker, by where the library's link leads
library_owner() {
    target=$(ls -l "$root$1" | sed -n 's/.* -> //p')
    case "$1 $target" in
    *mali*) owner=mali ;;
    *PVR* | *powervr*) owner=powervr ;;
    *) if ls "$root${1%/*}"/libmali* >/dev/null 2>&1 && [ -z "$target" ]; then owner=mali; else owner=mesa; fi ;;
    esac
    echo "${1##*/}=$owner"
}

# --- sound, NPU, storage, and what keeps a board alive ---------------------------------------

probe_sound() {
    cards=$(sed -n 's/^ *[0-9]* \[\([^]]*\)\].*/\1/p' "$root/proc/asound/cards" 2>/dev/null | joined)
    playback=$(grep -c 'playback' "$root/proc/asound/pcm" 2>/dev/null)
    capture=$(grep -c 'capture' "$root/proc/asound/pcm" 2>/dev/null)
    if [ -z "$cards" ]; then
        say limits sound none "No sound card: the kiosk is mute. HDMI's is often missing until a screen is connected."
    elif [ "${playback:-0}" -eq 0 ]; then
        say limits sound "$cards: only for recording" "No card can play."
    else
        say go sound "$cards: $playback to play, ${capture:-0} to record"
    fi
}

probe_npu() {
    library=''
    for folder in /usr/lib /usr/lib/aarch64-linux-gnu /usr/lib64; do
        [ ! -e "$root$folder/librknnrt.so" ] || library=$folder/librknnrt.so
    done
    driver=$(sed -n 's/.*\(v[0-9.]*\).*/\1/p' "$root/sys/kernel/debug/rknpu/version" 2>/dev/null | head -n 1)
    node=''
    for card in "$root"/sys/class/drm/card[0-9]*; do
        grep -qi 'DRIVER=rknpu' "$card/device/uevent" 2>/dev/null && node=yes
    done
    [ ! -e "$root/dev/rknpu" ] || node=yes
    case "${node:-no}${library:+ library}" in
    'yes library') say go npu "driver ${driver:-there}, $library" ;;
    yes) say go npu "driver ${driver:-there}, no librknnrt.so" "The processor moves the lips; the vendor's librknnrt.so would let the NPU do it." ;;
    *) say go npu "none that is used" ;;
    esac
}

probe_storage() {
    for place in /var/lib /oem; do
        [ -d "$root$place" ] || continue
        free=$(df -Pk "$root$place" 2>/dev/null | awk 'NR == 2 { print $4 }')
        [ -n "$free" ] || continue
        if [ "$free" -ge 131072 ]; then say go "free $place" "$((free / 1024)) MiB"
        else say limits "free $place" "$((free / 1024)) MiB" "Two images, settings and an upload want 128 MiB."
        fi
    done
    names=$(for entry in "$root"/sys/class/block/*/uevent; do sed -n 's/^PARTNAME=//p' "$entry" 2>/dev/null; done | sort | joined)
    say go partitions "${names:-without names}"
    case $(sed -n 's/^[^ ]* \/ [^ ]* \([^ ,]*\).*/\1/p' "$root/proc/mounts" 2>/dev/null | tail -n 1) in
    ro) say limits root "mounted read-only" "Flash over ssh needs it writable for a moment, or use make rootfs." ;;
    esac
}

probe_upkeep() {
    if [ -e "$root/dev/rtc0" ] || [ -d "$root/sys/class/rtc/rtc0" ]; then say go clock "has an RTC"
    else say limits clock "no RTC" "After a power cut the date is wrong until the network tells it; TLS fails until then."
    fi
    watchdog=$(first "$root/sys/class/watchdog/watchdog0/identity")
    if [ -e "$root/dev/watchdog0" ] || [ -e "$root/dev/watchdog" ] || [ -n "$watchdog" ]; then say go watchdog "${watchdog:-there}"
    else say limits watchdog none "A kernel that hangs stays so. In many device trees its node is only switched off."
    fi
    zones=$(for zone in "$root"/sys/class/thermal/thermal_zone*; do
        [ -e "$zone/temp" ] || continue
        degrees=$(first "$zone/temp")
        echo "$(first "$zone/type") $((${degrees:-0} / 1000)) °C"
    done | joined)
    if [ -n "$zones" ]; then say go thermal "$zones"
    else say limits thermal none "The kiosk cannot see when the board gets hot."
    fi
    desktop=''
    for unit in display-manager weston; do
        if [ -h "$root/etc/systemd/system/$unit.service" ] || [ -h "$root/etc/systemd/system/graphical.target.wants/$unit.service" ]; then
            desktop="$desktop $unit"
        fi
    done
    [ -z "$desktop" ] || say go desktop "$desktop is enabled: the kiosk stops it when it starts"
}

[ "$facts" = yes ] || echo "Can this be a kiosk? Nothing is changed by looking."
probe_architecture
probe_board
probe_libc
probe_systemd
probe_kernel
probe_openssl
probe_memory
probe_screen
probe_gl
probe_sound
probe_npu
probe_storage
probe_upkeep
if [ "$facts" = yes ]; then
    printf 'board_file=%s\nverdict=%s\n' "$board" "$worst"
else
    echo
    case $worst in
    go) echo "GO: build for it with make overlay BOARD=$board" ;;
    limits) echo "GO WITH LIMITS, which are told above. Build for it with make overlay BOARD=$board" ;;
    no-go) echo "NO-GO: what is needed is told above, beside no-go." ;;
    esac
fi
[ "$worst" != no-go ]
