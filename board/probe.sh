#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tells whether a board can be a kiosk, before anything is flashed. `sh probe.sh --help` says how.
#
# Plain POSIX sh in one file, because it must run where nothing of the project is: on a vendor's
# Debian, on a Yocto with busybox alone, on Android. It opens no device and writes nothing, not
# even below /tmp (so no here-documents, which bash keeps in a file). Beyond nine tools that every
# Unix has, a missing one makes an answer "not known", never an error. What it judges by comes from
# board/README.md, What every board must bring, and from board/*/board.yaml; tests hold these and
# the lines below together. Left out on purpose: serial numbers, addresses, names of the machine,
# its people and its networks, and what only opening a device would tell (kioskctl doctor does
# that, later).
set -u
LC_ALL=C
export LC_ALL

OLDEST_SYSTEMD=247
MEMORY_MIB=256
STORAGE_MIB=128
# name|compatible|DRM drivers|partitions for the kiosk|NPU|title
BOARDS='8189|mediatek,mt8189 mediatek,mt8371 mediatek,mt8391|mediatek||none|MediaTek MT8189 family (Genio 520 and 720 class)
g88|mediatek,mt6769 mediatek,mt6768 mediatek,mt8786|mediatek||none|MediaTek Helio G88 (sold with Android only, needs a vendor'\''s Linux)
qemu-virt|linux,dummy-virt|virtio_gpu virtio-pci|kiosk|none|QEMU'\''s arm64 machine "virt", on which the boot test runs
rk3576|rockchip,rk3576|rockchip|oem kiosk|rknn|Rockchip RK3576 boards
s565||||none|S565 (chip unknown, generic 64-bit ARM)'

usage() {
    echo 'Tells whether a board can be a kiosk: run it on the vendor'\''s Linux, before anything is flashed.

  sh probe.sh            a page: go, limits or no-go for each thing, why, and what to do
  sh probe.sh --facts    the same as NAME=FOUND and NAME.verdict=VERDICT lines, for programs

Without copying it there:  ssh root@address sh -s <board/probe.sh

It reads and changes nothing. It needs no network, and of tools only those of busybox; a few things
are told only to root. Its answers hold no serial number, address, name or token.
PROBE_ROOT=folder looks at a copied tree (/proc, /sys, /dev, /etc, /usr) instead of this machine.

Exit status: 0 go, also with limits; 1 no-go; 2 nothing was looked at (the message says why).'
}

root=${PROBE_ROOT:-}
facts=no
case "$#${1:-}" in
0) ;;
1--facts) facts=yes ;;
1--help | 1-h)
    usage
    exit 0
    ;;
*)
    echo "error: probe.sh: '$*' is not understood; there are --facts and --help" >&2
    exit 2
    ;;
esac
# Where it is missing, what is thrown away would become a file
if [ ! -c /dev/null ]; then
    echo 'error: probe.sh: /dev/null is no device here; mount /dev first' >&2
    exit 2
fi
missing=''
for tool in cat cut grep head ls sed sort tail tr; do
    command -v $tool >/dev/null 2>&1 || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    echo "error: probe.sh: not found:$missing. It needs them; busybox has them all" >&2
    exit 2
fi
if [ -n "$root" ] && [ ! -d "$root" ]; then
    echo "error: probe.sh: PROBE_ROOT='$root' is no folder" >&2
    exit 2
fi

# --- words -------------------------------------------------------------------------------------

worst=go
# say VERDICT NAME FOUND [WHY, in lines]
say() {
    case $1 in
    no-go) worst=no-go ;;
    limits) [ "$worst" = no-go ] || worst=limits ;;
    esac
    if [ "$facts" = yes ]; then
        fact "$2" "$3"
        printf '%s.verdict=%s\n' "$2" "$1"
        return
    fi
    printable "$3"
    printf '%-6s  %-12s  %s\n' "$1" "$2" "$text"
    [ -z "${4:-}" ] || printf '%s\n' "$4" | sed 's/^/                      /'
}
# fact NAME VALUE: what programs are told besides
fact() {
    [ "$facts" = yes ] || return 0
    printable "$2"
    printf '%s=%s\n' "$1" "$text"
}
# printable TEXT: it as `text`, without what a terminal would obey. A small busybox has no [:print:]
printable() {
    text=$1
    case $text in *[!\ -~]*) text=$(printf '%s' "$1" | tr -cd ' -~') ;; esac
}

joined() { tr '\n' ' ' | sed 's/  */ /g; s/^ //; s/ $//'; }
first() { head -n 1 "$1" 2>/dev/null | tr -d '\000'; }
# read_line FILE: its first line as `line`, empty where it cannot be read
read_line() {
    line=''
    [ ! -r "$1" ] || { IFS= read -r line <"$1"; } 2>/dev/null || :
}
have() { command -v "$1" >/dev/null 2>&1; }
# Programs answer for this machine alone, so none is asked about a copied tree
live() { [ -z "$root" ] && have "$1"; }
# there FILE...: the first of them that exists, a link that leads nowhere too
there() {
    for file in "$@"; do
        if [ -e "$file" ] || [ -h "$file" ]; then
            echo "$file"
            return 0
        fi
    done
    return 1
}
# is_one_of WORD WORDS
is_one_of() { case " $2 " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

# --- files -------------------------------------------------------------------------------------

# bytes FILE SKIP COUNT: as decimal numbers; nothing where no tool can tell
bytes() {
    if have od; then
        od -An -v -tu1 -j"$2" -N"$3" "$1" 2>/dev/null
    elif have hexdump; then
        hexdump -v -s "$2" -n "$3" -e '1/1 "%u "' "$1" 2>/dev/null
    fi
}
# elf FILE: for which processor a program or library is; nothing where that cannot be told
elf() {
    # shellcheck disable=SC2046 # numbers
    set -- $(bytes "$1" 0 20)
    [ $# -eq 20 ] && [ "$1 $2 $3 $4" = "127 69 76 70" ] || return 0
    case "$5 ${19}" in
    '2 183') echo aarch64 ;;
    '1 40') echo arm ;;
    '2 62') echo x86_64 ;;
    *) echo other ;;
    esac
}
# final PATH: where links lead to, within the tree that is looked at
final() {
    path=$1
    hops=0
    while [ -h "$root$path" ] && [ "$hops" -lt 16 ]; do
        # shellcheck disable=SC2012 # readlink is not everywhere
        target=$(ls -ld "$root$path" | sed 's/.* -> //')
        case $target in /*) path=$target ;; *) path=${path%/*}/$target ;; esac
        hops=$((hops + 1))
    done
    echo "$path"
}
# driver_of DEVICE: the kernel's driver of a device below /sys
driver_of() {
    driver=$(sed -n 's/^DRIVER=//p' "$1/uevent" 2>/dev/null)
    # shellcheck disable=SC2012
    [ -n "$driver" ] || driver=$(ls -ld "$1/driver" 2>/dev/null | sed -n 's|.* -> ||; s|.*/||p')
    echo "${driver:-unknown}"
}

# --- the machine and its board -----------------------------------------------------------------

probe_architecture() {
    read_line "$root/proc/sys/kernel/arch"
    arch=$line
    [ -n "$arch" ] || ! live uname || arch=$(uname -m)
    shell=$(there "$root/bin/sh" "$root/system/bin/sh")
    shell=$(elf "$root$(final "${shell#"$root"}")")
    [ -n "$arch" ] || arch=$shell
    # What the system's own libraries must be for; a 64-bit kernel may carry a 32-bit system
    abi=${shell:-$arch}
    case "$arch $shell" in
    'aarch64 arm' | armv8*' arm')
        say no-go architecture "aarch64, with a 32-bit system" \
            "The kiosk is 64-bit: ask the vendor for the 64-bit (arm64) image of this board."
        ;;
    'aarch64 '*) say go architecture aarch64 ;;
    ' '*) say limits architecture "not known" "The system does not tell; the kiosk needs aarch64." ;;
    *) say no-go architecture "$arch" "The kiosk runs on 64-bit ARM (aarch64) only." ;;
    esac
}

# take_board NAME: its line of the table as variables
take_board() {
    board=$1
    blanks=$IFS
    IFS='|'
    # shellcheck disable=SC2046 # columns
    set -- $(printf '%s\n' "$BOARDS" | grep "^$1|")
    IFS=$blanks
    board_drivers=$3
    board_partitions=$4
    board_npu=$5
    board_title=$6
}

probe_board() {
    # Vendors write names in capitals, too: "mediatek,MT6768"
    compatible=$(tr '\000A-Z' ' a-z' 2>/dev/null <"$root/proc/device-tree/compatible" | joined)
    model=$(first "$root/proc/device-tree/model")
    found=${model:+$model ($compatible)}
    found=${found:-${compatible:-no device tree}}
    fact model "$model"
    fact compatible "$compatible"
    listed=yes
    board=$(listed_board)
    if [ -n "$board" ]; then
        take_board "$board"
        say go board "$board: $found" "$board_title"
        return
    fi
    listed=no
    case " $compatible" in
    *' rockchip,'*) take_board rk3576 ;;
    *' mediatek,mt8'*) take_board 8189 ;;
    *' mediatek,'*) take_board g88 ;;
    *) take_board s565 ;;
    esac
    if [ "$board" = s565 ]; then
        say limits board "no board file: $found" \
            "No board file names this machine. The nearest is s565, which assumes 64-bit ARM alone and takes
screen and sound as it finds them: it is built and flashed as it is."
        return
    fi
    npu=''
    [ "$board_npu" = none ] || npu="
Write \`npu: none\` there: the model for the NPU is made for $board_title."
    say limits board "no board file: $found" \
        "No board file names this chip. The nearest is $board: copy board/$board to board/NAME, and in its
board.yaml write NAME into \`name:\` and \"${compatible##* }\" into \`compatible:\`.$npu"
}

listed_board() {
    printf '%s\n' "$BOARDS" | while IFS='|' read -r name chips _; do
        for chip in $chips; do
            if is_one_of "$chip" "$compatible"; then echo "$name"; fi
        done
    done | head -n 1
}

# --- the system --------------------------------------------------------------------------------

probe_libc() {
    if there "$root/system/bin/linker64" "$root/system/bin/linker" >/dev/null &&
        ! there "$root/lib/systemd/systemd" "$root/usr/lib/systemd/systemd" >/dev/null; then
        say no-go libc "bionic (Android)" \
            "Android has neither glibc nor systemd. The board needs a Linux, from its vendor or of your own;
see board/g88/README.md."
        return
    fi
    if there "$root"/lib/ld-linux*.so.? "$root"/lib64/ld-linux*.so.? "$root"/usr/lib/ld-linux*.so.? \
        >/dev/null; then
        version=''
        if live ldd; then version=$(ldd --version 2>&1 | sed -n '1s/.* \([0-9][0-9.]*\)$/\1/p'); fi
        say go libc "glibc${version:+ $version}"
    elif there "$root"/lib/ld-musl-* >/dev/null; then
        say no-go libc musl \
            "The vendor's GL libraries and the kiosk's hook need glibc: a Debian, Ubuntu or Yocto with glibc."
    else
        say no-go libc "no glibc" \
            "The kiosk needs a system with glibc, such as the vendor's Debian, Ubuntu or Yocto."
    fi
}

probe_systemd() {
    version=''
    if live systemctl; then
        version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    fi
    if [ -z "$version" ]; then
        library=$(there "$root"/lib/systemd/libsystemd-shared-*.so \
            "$root"/usr/lib/systemd/libsystemd-shared-*.so \
            "$root"/usr/lib/*/systemd/libsystemd-shared-*.so)
        version=$(echo "$library" | sed -n 's/.*libsystemd-shared-\([0-9]*\).*/\1/p')
    fi
    read_line "$root/proc/1/comm"
    one=$line
    if [ -z "$version" ]; then
        say no-go systemd none \
            "systemd $OLDEST_SYSTEMD or newer starts and watches the kiosk; this system has another init: use the
vendor's Debian, Ubuntu or Yocto with systemd."
    elif [ "$version" -lt "$OLDEST_SYSTEMD" ]; then
        say no-go systemd "$version" \
            "$OLDEST_SYSTEMD or newer is needed: Debian 11 has 247, Debian 12 has 252. Use a newer vendor's image."
    elif [ -n "$one" ] && [ "$one" != systemd ]; then
        say limits systemd "$version, not running" \
            "Process 1 is '$one'. In a container that is usual; a board must be booted with systemd."
    else
        say go systemd "$version"
    fi
}

WANTED='SQUASHFS|SQUASHFS_XZ|SQUASHFS_ZLIB|BLK_DEV_LOOP|EXT4_FS|CGROUP_BPF|SECCOMP_FILTER'
# option NAME: its `value`: y, m, n; nothing where the kernel does not tell how it was configured
option() {
    case " $kernel_config " in
    *" CONFIG_$1=y "*) value=y ;;
    *" CONFIG_$1=m "*) value=m ;;
    '  ') value='' ;;
    *) value=n ;;
    esac
}
module() {
    grep -qs "/$1\.ko" "$root/lib/modules/$release/modules.builtin" \
        "$root/lib/modules/$release/modules.order" \
        "$root/lib/modules/$release/modules.dep"
}

probe_kernel() {
    read_line "$root/proc/sys/kernel/osrelease"
    release=$line
    kernel_config=''
    if [ -r "$root/proc/config.gz" ]; then
        kernel_config=$({ gzip -dc || zcat; } <"$root/proc/config.gz" 2>/dev/null |
            grep -E "^CONFIG_($WANTED)=" | joined)
    elif [ -r "$root/boot/config-$release" ]; then
        kernel_config=$(grep -E "^CONFIG_($WANTED)=" "$root/boot/config-$release" | joined)
    fi
    fact kernel "$release"
    needs squashfs SQUASHFS squashfs "The kiosk's image is a squashfs."
    option SQUASHFS_ZLIB
    zlib=$value
    option SQUASHFS_XZ
    if [ "$value$zlib" = ny ]; then
        say limits squashfs-xz "gzip only" \
            "Images are compressed with xz: write \`compression: gzip\` into the board's board.yaml."
    else
        needs squashfs-xz SQUASHFS_XZ '' "Images are compressed with xz."
    fi
    needs loop BLK_DEV_LOOP loop "An image is mounted through a loop device."
    needs ext4 EXT4_FS ext4 "Images, state and settings lie on ext4."
    probe_cgroups
    option SECCOMP_FILTER
    if [ "$value" = n ]; then
        say limits seccomp none "It works; the filter of system calls around the kiosk has no effect."
    fi
}

# needs NAME OPTION MODULE WHY
needs() {
    option "$2"
    case $value in
    y)
        say go "$1" "in the kernel"
        return
        ;;
    m)
        say go "$1" "a module"
        return
        ;;
    n)
        say no-go "$1" "not in this kernel" "$4 Ask the vendor for a kernel with CONFIG_$2=y."
        return
        ;;
    esac
    if [ -n "$3" ] && grep -qsw "$3" "$root/proc/filesystems"; then
        say go "$1" "in the kernel"
    elif [ "$1" = loop ] && there "$root/dev/loop-control" "$root/sys/block/loop0" >/dev/null; then
        say go "$1" "in the kernel"
    elif [ -n "$3" ] && module "$3"; then
        say go "$1" "a module"
    else
        say limits "$1" "not known" \
            "$4 This kernel does not publish its options:
try \`modprobe ${3:-squashfs}\`, or ask the vendor whether CONFIG_$2 is set."
    fi
}

probe_cgroups() {
    if [ -e "$root/sys/fs/cgroup/cgroup.controllers" ]; then
        option CGROUP_BPF
        if [ "$value" = n ]; then
            say limits cgroups "version 2, no CGROUP_BPF" \
                "It works; systemd cannot keep the kiosk away from devices that are not its own."
        else
            say go cgroups "version 2"
        fi
    elif [ -d "$root/sys/fs/cgroup/systemd" ]; then
        say limits cgroups "version 1" \
            "It works; limits of memory and devices are weaker. Version 2 comes with
systemd.unified_cgroup_hierarchy=1 on the kernel's command line."
    elif [ -e "$root/proc/cgroups" ]; then
        say go cgroups "in the kernel, not mounted here"
    else
        say limits cgroups "not known" "systemd needs CONFIG_CGROUPS=y."
    fi
}

probe_openssl() {
    if there "$root/usr/bin/openssl" "$root/bin/openssl" >/dev/null || live openssl; then
        say go openssl "there"
    else
        say no-go openssl missing "It checks the image's signature. On Debian: apt install openssl"
    fi
}

probe_memory() {
    total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo" 2>/dev/null)
    free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo" 2>/dev/null)
    if [ -z "$total" ]; then
        say limits memory "not known" "$MEMORY_MIB MiB must be free."
        return
    fi
    free=${free:-$total}
    found="$((total / 1024)) MiB, $((free / 1024)) free"
    if [ "$total" -lt $((MEMORY_MIB * 1024)) ]; then
        say no-go memory "$found" "The kiosk takes up to $MEMORY_MIB MiB."
    elif [ "$free" -lt $((MEMORY_MIB * 1024)) ]; then
        say limits memory "$found" \
            "$MEMORY_MIB MiB must be free. The kiosk stops the vendor's desktop; disable what else is not needed."
    else
        say go memory "$found"
    fi
}

# --- picture -----------------------------------------------------------------------------------

probe_screen() {
    cards=0
    lit=0
    for card in "$root"/sys/class/drm/card[0-9]*; do
        name=${card##*/}
        case $name in *-* | '*') continue ;; esac
        [ -d "$card" ] || continue
        driver=$(driver_of "$card/device")
        outlets=''
        for connector in "$card"-*; do
            outlet=${connector##*/"$name"-}
            case $outlet in Writeback*) continue ;; esac
            [ -e "$connector/status" ] || continue
            connector_words "$connector"
            outlets="$outlets, $outlet $words"
            case $words in connected*) lit=$((lit + 1)) ;; esac
        done
        if [ -z "$outlets" ]; then
            say go "$name" "$driver, no screen can be plugged in (a GPU or an NPU)"
            continue
        fi
        cards=$((cards + 1))
        if [ "$listed" = no ] || [ -z "$board_drivers" ] ||
            begins_with_one_of "$driver" "$board_drivers"; then
            say go "$name" "$driver$outlets"
        else
            say limits "$name" "$driver$outlets" \
                "board/$board/board.yaml expects the driver $board_drivers: add this one to its \`drm_drivers:\`."
        fi
    done
    if [ "$cards" -gt 0 ] && [ "$lit" -gt 0 ]; then
        say go screen "$lit connected"
    elif [ "$cards" -gt 0 ]; then
        say limits screen "none connected" \
            "Plug one in, switch it on, and run this again. The kiosk waits for one."
    elif [ -e "$root/dev/fb0" ]; then
        say no-go screen "a framebuffer without KMS" \
            "The kernel has no KMS driver for the display (CONFIG_DRM): a still picture and the voice are all that
the kiosk can give there."
    else
        say no-go screen "no display controller" \
            "No KMS driver has a display (CONFIG_DRM, and in the device tree its node must be enabled)."
    fi
}

# connector_words CONNECTOR: state, best mode, and the picture's size, as `words`
connector_words() {
    read_line "$1/status"
    words=$line
    read_line "$1/modes"
    mode=$line
    [ -z "$mode" ] || words="$words $mode"
    case $mode in
    *x*)
        height=${mode##*x}
        height=${height%%[!0-9]*}
        [ "${height:-0}" -le "${mode%%x*}" ] || words="$words upright"
        ;;
    esac
    # An EDID's bytes 21 and 22 are the picture's size in centimetres; serial number and name follow
    # shellcheck disable=SC2046 # numbers
    set -- $([ ! -s "$1/edid" ] || bytes "$1/edid" 21 2)
    if [ $# -eq 2 ] && [ "$1" -gt 0 ] && [ "$2" -gt 0 ]; then words="$words, $1 x $2 cm"; fi
}

# A driver may be called rockchip, rockchip-drm or rockchip_drm
begins_with_one_of() {
    whole=$(echo "$1" | tr 'A-Z-' 'a-z_')
    for word in $2; do
        case $whole in "$(echo "$word" | tr 'A-Z-' 'a-z_')"*) return 0 ;; esac
    done
    return 1
}

# find_library NAME: `place` is where it is for this system's processor; else `foreign` tells
# for which it is
find_library() {
    place=''
    for file in "$root"/usr/lib/*-linux-*/mali/"$1" "$root"/usr/lib/*-linux-*/"$1" \
        "$root"/lib/*-linux-*/"$1" "$root"/usr/lib64/"$1" "$root"/lib64/"$1" "$root"/usr/lib/"$1" \
        "$root"/lib/"$1" "$root"/usr/local/lib/"$1"; do
        [ -e "$file" ] || [ -h "$file" ] || continue
        file=${file#"$root"}
        kind=$(elf "$root$(final "$file")")
        if [ -z "$kind" ] || [ -z "$abi" ] || [ "$kind" = "$abi" ]; then
            place=$file
            return
        fi
        foreign=$kind
    done
}

# maker PLACE: whose a library is: by the name it leads to, what it loads, or whom glvnd asks
maker() {
    file=$(final "$1")
    case $file in
    *[Mm]ali*) echo mali && return ;;
    *PVR* | *[Pp]ower[Vv][Rr]*) echo powervr && return ;;
    *nvidia* | *tegra*) echo nvidia && return ;;
    esac
    for word in libmali:mali libVSC:vivante libglapi:mesa libgallium:mesa libGLdispatch:glvnd; do
        grep -qs "${word%:*}" "$root$file" || continue
        case $word in
        *:glvnd)
            # shellcheck disable=SC2012
            ls "$root"/etc/glvnd/egl_vendor.d/*.json "$root"/usr/share/glvnd/egl_vendor.d/*.json \
                2>/dev/null | sed -n 's|.*/[0-9]*_*\([a-z]*\).*\.json$|\1|p' | head -n 1
            ;;
        *) echo "${word#*:}" ;;
        esac
        return
    done
    case $1 in *libgbm*) echo mesa ;; *) echo unknown ;; esac
}

probe_gl() {
    makers=''
    for name in libEGL.so.1 libGLESv2.so.2 libgbm.so.1; do
        foreign=''
        find_library "$name"
        if [ -z "$place" ] && [ -n "$foreign" ]; then
            say no-go gl "$name is for $foreign" \
                "A system for $abi needs the library for $abi: install the vendor's GL package for it."
            return
        elif [ -z "$place" ]; then
            say no-go gl "no $name" \
                "OpenGL ES needs the vendor's GL packages, or Mesa's:
apt install libegl1 libgles2 libgbm1 libgl1-mesa-dri"
            return
        fi
        [ "$name" != libEGL.so.1 ] || egl=$place
        made=$(maker "$place")
        is_one_of "$made" "$makers" || makers="$makers $made"
    done
    makers=${makers# }
    if [ "$makers" != "${makers#* }" ]; then
        say limits gl "$makers, mixed" \
            "EGL, GLES and GBM come from different makers: GL may refuse the other's buffers, or show red for blue.
Install the vendor's whole set, or Mesa's whole set, and look at the colours of the first picture."
    elif is_one_of mali "$makers"; then
        say_mali
    elif [ "$makers" = mesa ] && ! there "$root"/usr/lib/*/dri/*_dri.so "$root"/usr/lib/dri/*_dri.so \
        "$root"/usr/lib64/dri/*_dri.so "$root"/usr/lib/*/libgallium* "$root"/usr/lib/libgallium* \
        >/dev/null; then
        say no-go gl "mesa, no drivers" "On Debian: apt install libgl1-mesa-dri"
    else
        say go gl "$makers ($abi)"
    fi
    probe_gpu
    probe_renderer
}

# Which windows a Mali library draws into stands in its file's or its package's name
say_mali() {
    file=$(final "$egl")
    flavour=$(echo "${file##*/}" | sed -n 's/^libmali-\(.*\)\.so.*/\1/p')
    [ -n "$flavour" ] || flavour=$(sed -n 's/^Package: libmali-\(.*\)/\1/p' \
        "$root/var/lib/dpkg/status" 2>/dev/null | head -n 1)
    case $flavour in
    *gbm*) say go gl "mali $flavour ($abi)" ;;
    *x11* | *wayland* | *dummy*)
        say no-go gl "mali $flavour ($abi)" \
            "This library draws for a desktop only; the kiosk draws through GBM. Install the vendor's package
whose name ends in -gbm."
        ;;
    *) say go gl "mali, of a flavour that is not told ($abi)" ;;
    esac
}

probe_gpu() {
    nodes=''
    drawing=''
    old=''
    for node in "$root"/sys/class/drm/renderD*; do
        [ -d "$node/device" ] || continue
        driver=$(driver_of "$node/device")
        is_one_of "$driver" "$nodes" || nodes="$nodes $driver"
        case $driver in
        panfrost | panthor | v3d | etnaviv* | msm* | adreno | virtio* | tegra* | powervr | asahi | \
            nouveau | i915 | xe | amdgpu | radeon) drawing=$driver ;;
        lima | vc4*) old=$driver ;;
        esac
    done
    vendors=no
    [ ! -e "$root/dev/mali0" ] || vendors=yes
    found="$([ $vendors = no ] || echo /dev/mali0) $nodes"
    found=$(echo "$found" | joined)
    if [ "$vendors" = no ] && [ -z "$drawing" ] && [ -n "$old" ]; then
        say no-go gpu "$found" "This GPU has OpenGL ES 2 alone. A face that moves needs 3.0; here the picture stands still."
        return
    fi
    case "$makers $vendors ${drawing:-none}" in
    *mali*' yes '*) say go gpu "$found" ;;
    *mali*' no '*)
        say no-go gpu "${found:-none}, no /dev/mali0" \
            "The vendor's GL library needs the vendor's kernel driver (mali_kbase), which is not loaded: use the
vendor's kernel, or Mesa's libraries with panfrost."
        ;;
    'mesa yes none')
        say limits gpu "$found" \
            "Mesa cannot use the vendor's driver (/dev/mali0), so the processor draws, at a few frames a second:
install the vendor's libmali with gbm."
        ;;
    *' none')
        say limits gpu "${found:-none}" \
            "No driver that draws is loaded, so the processor draws, at a few frames a second. The vendor's
kernel and packages bring one, or mainline's panfrost with Mesa."
        ;;
    *) say go gpu "$found" ;;
    esac
}

# Old versions of eglinfo name the driver alone
probe_renderer() {
    for tool in eglinfo es2_info; do
        live $tool || continue
        limit=''
        ! have timeout || limit='timeout 20'
        told=$($limit $tool </dev/null 2>/dev/null | grep -E \
            'ES profile (renderer|version)|GL_(RENDERER|VERSION)|EGL driver name')
        renderer=$(told_of 'ES profile renderer' 'GL_RENDERER' 'EGL driver name')
        version=$(told_of 'ES profile version' 'GL_VERSION')
        case "$renderer ($version)" in
        ' '*) continue ;;
        *llvmpipe* | *softpipe* | *swrast*)
            say limits renderer "$renderer" "The processor draws: the GPU's driver is not used."
            ;;
        *'(OpenGL ES '[12].*)
            say no-go renderer "$renderer, $version" "A face that moves needs OpenGL ES 3.0; here the picture stands still."
            ;;
        *) say go renderer "$renderer${version:+, $version}" ;;
        esac
        return
    done
}
# told_of WORD...: what stands after the first word that `told` has
told_of() {
    for word in "$@"; do
        value=$(printf '%s\n' "$told" | sed -n "s/.*${word}[^:]*: *//p" | head -n 1)
        [ -z "$value" ] || break
    done
    echo "$value"
}

# --- sound, NPU, storage, and what keeps a board alive -----------------------------------------

probe_sound() {
    cards=$(sed -n 's/^ *[0-9]* \[\([^] ]*\) *\].*/\1/p' "$root/proc/asound/cards" 2>/dev/null | joined)
    plays=$(grep -c playback "$root/proc/asound/pcm" 2>/dev/null)
    records=$(grep -c capture "$root/proc/asound/pcm" 2>/dev/null)
    if [ -z "$cards" ]; then
        say limits sound none \
            "No sound card: the kiosk speaks silently. That of HDMI may come only with a screen."
    elif [ "${plays:-0}" -eq 0 ]; then
        say limits sound "$cards, none plays" "These only record: the kiosk speaks silently."
    else
        say go sound "$cards: $plays to play, ${records:-0} to record"
    fi
}

probe_npu() {
    node=''
    [ ! -e "$root/dev/rknpu" ] || node=yes
    for card in "$root"/sys/class/drm/card[0-9]*; do
        case $(driver_of "$card/device") in [Rr][Kk][Nn][Pp][Uu]) node=yes ;; esac
    done
    if [ -z "$node" ]; then
        say go npu "none that the kiosk uses"
        return
    fi
    version=''
    for file in sys/module/rknpu/version proc/rknpu/version sys/kernel/debug/rknpu/version; do
        [ -n "$version" ] || version=$(first "$root/$file" | sed 's/.*v\([0-9]\)/\1/')
    done
    found="rknpu${version:+ $version}"
    if [ "$board_npu" != rknn ] || [ "$listed" = no ]; then
        say go npu "$found, not used" "The model is made for RK3576's; here the processor moves the lips."
    elif [ -e "$root/usr/lib/librknnrt.so" ]; then
        say go npu "$found, librknnrt.so"
    else
        say limits npu "$found, no librknnrt.so" \
            "The processor moves the lips. The vendor's package brings /usr/lib/librknnrt.so for the NPU."
    fi
}

# free_kib PLACE: free space; only of this machine
free_kib() { df -Pk "$1" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\(-*[0-9]*\) .*/\1/p'; }

probe_storage() {
    names=''
    own=''
    for entry in "$root"/sys/class/block/*; do
        name=''
        ! grep -qs ^PARTNAME= "$entry/uevent" || name=$(sed -n 's/^PARTNAME=//p' "$entry/uevent")
        case $name in '' | *[!A-Za-z0-9_-]*) continue ;; esac
        read_line "$entry/size"
        mib=$((${line:-0} / 2048))
        names="$names, $name $mib MiB"
        if is_one_of "$name" "$board_partitions" && [ "$mib" -ge "$STORAGE_MIB" ]; then own=$name; fi
    done
    names=${names#, }
    if [ -n "$own" ]; then
        say go partitions "$names" "\`$own\` can be the kiosk's own: make flash BOARD=$board over USB."
    else
        say go partitions "${names:-no names}"
    fi
    for place in /var/lib /var/tmp; do
        live df || continue
        free=$(free_kib "$place")
        [ -d "$place" ] || free=$(free_kib /)
        [ -n "$free" ] || continue
        name=free$(echo "$place" | tr / -)
        if [ "$free" -ge $((STORAGE_MIB * 1024)) ]; then
            say go "$name" "$((free / 1024)) MiB"
        elif [ "$place" = /var/lib ] && [ -z "$own" ]; then
            say no-go "$name" "$((free / 1024)) MiB" \
                "Two images, settings and an upload want $STORAGE_MIB MiB: make room, or let the root file system grow."
        else
            say limits "$name" "$((free / 1024)) MiB" \
                "Flashing over the network wants $STORAGE_MIB MiB here for the upload: make room."
        fi
    done
    mode=$(sed -n 's/^[^ ]* \/ [^ ]* \([^ ,]*\).*/\1/p' "$root/proc/mounts" 2>/dev/null | tail -n 1)
    if [ "$mode" = ro ]; then
        say limits root "mounted read-only" \
            "Flashing over the network needs it writable once: mount -o remount,rw / . Or use make rootfs."
    fi
}

probe_upkeep() {
    year=$([ -n "$root" ] || date +%Y)
    if ! there "$root/dev/rtc0" "$root/sys/class/rtc/rtc0" >/dev/null; then
        say limits clock "no RTC" \
            "After a power cut the date is wrong until the network tells it; TLS is refused until then."
    elif [ "${year:-2025}" -lt 2025 ]; then
        say limits clock "an RTC, that says $year" \
            "Set it (date -s, hwclock -w), and look for its battery: TLS is refused with a wrong date."
    else
        say go clock "an RTC"
    fi
    read_line "$root/sys/class/watchdog/watchdog0/identity"
    watchdog=$line
    if [ -n "$watchdog" ] || [ -e "$root/dev/watchdog0" ] || [ -e "$root/dev/watchdog" ]; then
        say go watchdog "${watchdog:-there}"
    else
        say limits watchdog none \
            "A kernel that hangs stays so. In many device trees the watchdog is there with status = \"disabled\"."
    fi
    zones=''
    for zone in "$root"/sys/class/thermal/thermal_zone*; do
        read_line "$zone/temp"
        degrees=$line
        case $degrees in '' | *[!0-9]*) continue ;; esac
        read_line "$zone/type"
        zones="$zones, $line $((degrees / 1000)) C"
    done
    if [ -n "$zones" ]; then
        say go thermal "${zones#, }"
    else
        say limits thermal none "The kiosk cannot see how hot the board is."
    fi
}

# A compositor keeps the screen to itself. The kiosk stops those of two units
probe_desktop() {
    units=''
    for unit in display-manager weston; do
        if there "$root"/etc/systemd/system/$unit.service \
            "$root"/etc/systemd/system/*.target.wants/$unit.service >/dev/null; then
            units="$units $unit"
        fi
    done
    # Processes come and go while they are listed
    running=$(cat "$root"/proc/[0-9]*/comm 2>/dev/null |
        grep -xE 'Xorg|weston|labwc|wayfire|cage|sway|kwin_wayland|gnome-shell|phoc|surfaceflinger' |
        sort -u | joined)
    if [ -n "$units" ]; then
        say go desktop "${units# }" "It has the screen now; the kiosk stops it when it starts."
    elif [ -n "$running" ]; then
        say limits desktop "$running" \
            "It has the screen and was started by a unit that the kiosk does not know: disable that one."
    fi
}

[ "$facts" = yes ] || echo 'Can this be a kiosk? Nothing is changed by looking.'
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
probe_desktop

if [ "$facts" = yes ]; then
    printf '%s=%s\n' board_file "$board" board_listed "$listed" verdict "$worst"
else
    next="make overlay BOARD=$board"
    [ "$listed" = yes ] || [ "$board" = s565 ] || next="make overlay BOARD=NAME, the folder that you made from board/$board"
    echo
    case $worst in
    go) echo "GO: $next" ;;
    limits) echo "GO, with the limits above: $next" ;;
    no-go) echo 'NO-GO as it is: beside each no-go above stands what would change that.' ;;
    esac
fi
[ "$worst" != no-go ]
