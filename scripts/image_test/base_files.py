# SPDX-License-Identifier: Apache-2.0
"""Files of the base system that belong to no package: what a vendor's first configuration writes.

Two things that no kiosk has are the test's. A root shell on a virtio port of its own, through
which the test asks the guest; it does not touch kiosk units, network or console. And more time
for the services to start and to answer, because the processor is emulated, 20 to 50 times
slower than a board's; all other limits are those of a board.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PORT_NAME: Final = "image-test"
"""Name of the virtio port that the test's shell listens on."""


@dataclass(frozen=True, slots=True)
class File:
    """A file with its content, or a symlink to `link`."""

    path: str
    content: str = ""
    link: str = ""
    mode: int = 0o644


# What the scripts of base-passwd, dbus, udev and systemd make; other users come by sysusers.d
_PASSWD = """\
root::0:0:root:/root:/bin/bash
daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
messagebus:*:101:101::/nonexistent:/usr/sbin/nologin
systemd-network:*:102:102:systemd Network Management:/:/usr/sbin/nologin
systemd-timesync:*:103:103:systemd Time Synchronization:/:/usr/sbin/nologin
"""
_GROUP = """\
root:*:0:
daemon:*:1:
adm:*:4:
tty:*:5:
disk:*:6:
kmem:*:15:
dialout:*:20:
audio:*:29:
shadow:*:42:
utmp:*:43:
video:*:44:
staff:*:50:
input:*:104:
render:*:106:
messagebus:*:101:
systemd-network:*:102:
systemd-timesync:*:103:
systemd-journal:*:107:
nogroup:*:65534:
"""
_NETWORK = """\
[Match]
Name=en* eth*

[Network]
DHCP=ipv4
LinkLocalAddressing=no
"""
# One request a line: an id and a shell script in base64; the answer has the exit status.
_SHELL = """\
#!/bin/bash
exec 3<> "/dev/virtio-ports/$1"
echo ready >&3
while :; do
    if ! read -r id script <&3; then
        sleep 0.1
        continue
    fi
    (
        base64 -d <<< "$script" > "/run/image-test.$id"
        output=$(
            bash "/run/image-test.$id" 2>&1 < /dev/null 3>&- | base64 -w0
            exit "${PIPESTATUS[0]}"
        )
        echo "$id $? $output" >&3
        rm -f "/run/image-test.$id"
    ) &
done
"""
_SHELL_UNIT = f"""\
[Unit]
Description=The boot test's shell
DefaultDependencies=no
Requires=dev-virtio\\x2dports-{PORT_NAME.replace("-", chr(92) + "x2d")}.device
After=dev-virtio\\x2dports-{PORT_NAME.replace("-", chr(92) + "x2d")}.device

[Service]
ExecStart=/usr/local/sbin/image-test-shell {PORT_NAME}
Restart=always
KillMode=process
"""
_PORT_RULE = (
    f'SUBSYSTEM=="virtio-ports", ATTR{{name}}=="{PORT_NAME}", TAG+="systemd", '
    'ENV{SYSTEMD_WANTS}+="image-test-shell.service"\n'
)
_MORE_TIME = """\
[Service]
TimeoutStartSec=900
"""
_MORE_TIME_TO_ANSWER = f"{_MORE_TIME}WatchdogSec=300\n"
_SYSTEM = "/usr/lib/systemd/system"
_WANTS = "etc/systemd/system"

FILES: Final = (
    File("etc/passwd", _PASSWD),
    File("etc/group", _GROUP),
    File("etc/shadow", "root::19000:0:99999:7:::\n", mode=0o640),
    File("etc/hostname", "vendor-board\n"),
    File("etc/hosts", "127.0.0.1 localhost\n"),
    File("etc/fstab", "/dev/vda / ext4 defaults,noatime 0 1\n"),
    # empty: the first boot makes it
    File("etc/machine-id"),
    File("etc/localtime", link="/usr/share/zoneinfo/Etc/UTC"),
    File("etc/systemd/network/80-dhcp.network", _NETWORK),
    File("usr/bin/awk", link="mawk"),
    File(
        f"{_WANTS}/multi-user.target.wants/systemd-networkd.service",
        link=f"{_SYSTEM}/systemd-networkd.service",
    ),
    File(
        f"{_WANTS}/sysinit.target.wants/systemd-timesyncd.service",
        link=f"{_SYSTEM}/systemd-timesyncd.service",
    ),
    File(f"{_WANTS}/getty.target.wants/getty@tty1.service", link=f"{_SYSTEM}/getty@.service"),
    File("usr/local/sbin/image-test-shell", _SHELL, mode=0o755),
    File(f"{_WANTS}/image-test-shell.service", _SHELL_UNIT),
    File(f"{_WANTS}/kiosk-activate.service.d/90-emulated.conf", _MORE_TIME),
    File(f"{_WANTS}/kiosk-first-boot.service.d/90-emulated.conf", _MORE_TIME),
    File(f"{_WANTS}/kioskd.service.d/90-emulated.conf", _MORE_TIME_TO_ANSWER),
    File("etc/udev/rules.d/90-image-test.rules", _PORT_RULE),
)

INIT: Final = """\
#!/bin/busybox sh
# Reaches the root file system and hands over to it.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r module; do /bin/busybox insmod "$module"; done < /modules
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 100 ]; do
    /bin/busybox sleep 0.1
    tries=$((tries + 1))
done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox sh
for folder in dev proc sys; do /bin/busybox mount --move "/$folder" "/root/$folder"; done
exec /bin/busybox switch_root /root /sbin/init
"""
