# SPDX-License-Identifier: Apache-2.0
"""OpenGL ES 3.0 functions and constants, as cheap to call as ctypes can make them.

PyOpenGL supplies the names, the constants, the C signatures and the library. Its own callables
are left aside because they ask `glGetError` after each call, and because switching that off
(`OpenGL.ERROR_CHECKING = False`) breaks the import of its GLES modules in 3.1.10. Here every
function is bound anew on first use, with plain `void *` for pointers: numpy's
`array.ctypes.data` or an offset go in as integers. About 0.3 µs a call against 0.7 to 6 µs.

Errors are asked for where it matters: `check()` after building and once after a first frame.
"""

from __future__ import annotations

import ctypes
import logging
import os
from functools import cache
from typing import Any

from splat_gles.errors import DisplayError, RenderError

_ERROR_NAMES = {
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0505: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    0x0507: "GL_CONTEXT_LOST",
}
_NUMBERS = {
    ctypes.c_byte, ctypes.c_ubyte, ctypes.c_short, ctypes.c_ushort, ctypes.c_int, ctypes.c_uint,
    ctypes.c_long, ctypes.c_ulong, ctypes.c_longlong, ctypes.c_ulonglong, ctypes.c_float,
}  # fmt: skip


class OpenGLES:
    """Attributes are the functions (`glDrawArrays`) and constants (`GL_POINTS`) of ES 3.0.

    A context must be current when a function is called, not when this object is made.
    """

    def __getattr__(self, name: str) -> Any:
        """Resolve on first use; afterwards the attribute is found without coming here."""
        platform, *modules = _pyopengl()
        for module in modules:
            found = getattr(module, name, None)
            if found is not None:
                value = _bind(name, found, platform) if name.startswith("gl") else int(found)
                setattr(self, name, value)
                return value
        raise AttributeError(f"OpenGL ES 3.0 has no {name}")

    def check(self, doing: str) -> None:
        """Raise RenderError if OpenGL has reported an error since the last check."""
        code = self.glGetError()
        if code:
            raise RenderError(
                f"OpenGL ES reported {_ERROR_NAMES.get(code, hex(code))} while {doing}; "
                f"the driver is {self.string(self.GL_RENDERER)!r}, "
                f"version {self.string(self.GL_VERSION)!r}: update the GPU driver or report this"
            )

    def string(self, name: int) -> str:
        """What `glGetString` says, empty where it says nothing."""
        value: bytes | None = self.glGetString(name)
        return (value or b"").decode("ascii", "replace")

    def integer(self, name: int) -> int:
        """One integer of `glGetIntegerv`."""
        value = ctypes.c_int()
        self.glGetIntegerv(name, ctypes.addressof(value))
        return value.value


@cache
def _pyopengl() -> tuple[Any, Any, Any]:
    """PyOpenGL's platform and its modules of ES 3.0 and 2.0, imported when first needed.

    Not with this file: without a GL library their import fails, and importing or inspecting a
    bundle needs no GL.
    """
    # PyOpenGL picks its platform at import; ours is EGL everywhere, also under X11
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    # It announces that an accelerator is missing, which nothing here would use
    logging.getLogger("OpenGL").setLevel(logging.WARNING)
    sdl_driver = os.environ.get("SDL_VIDEODRIVER")
    try:
        from OpenGL import platform
        from OpenGL.raw.GLES2.VERSION import GLES2_2_0
        from OpenGL.raw.GLES3.VERSION import GLES3_3_0
    except (AttributeError, ImportError, OSError) as error:
        raise DisplayError(
            f"there is no OpenGL ES library here ({error}); install the vendor's GPU driver or "
            "Mesa's (Debian: libegl1 libgles2)"
        ) from error
    finally:
        # In a Wayland session the import sets SDL_VIDEODRIVER behind everybody's back
        if sdl_driver is None:
            os.environ.pop("SDL_VIDEODRIVER", None)
    return platform.PLATFORM, GLES3_3_0, GLES2_2_0


def _bind(name: str, signature: Any, platform: Any) -> Any:
    """A ctypes function of PyOpenGL's signature, pointers as addresses, without error checks."""
    arguments = [
        kind if _is_number(kind) else ctypes.c_void_p for kind in (signature.argtypes or ())
    ]
    result = signature.restype
    if name == "glGetString":
        result = ctypes.c_char_p
    elif result is not None and not _is_number(result):
        result = ctypes.c_void_p
    prototype = ctypes.CFUNCTYPE(result, *arguments)
    try:
        return prototype((name, platform.GLES2))
    except (AttributeError, TypeError, ValueError):
        # Some drivers export ES 2 only and hand out the rest through EGL
        address = platform.getExtensionProcedure(name.encode())
        if not address:
            raise RenderError(
                f"the OpenGL ES library on this machine has no function {name}; "
                "install the vendor's or Mesa's OpenGL ES 3 driver (Debian: libgles2)"
            ) from None
        return prototype(address)


def _is_number(kind: Any) -> bool:
    # PyOpenGL's array types are derived from ctypes' pointers and convert what they are given
    return kind in _NUMBERS


gl = OpenGLES()
