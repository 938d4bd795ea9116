# SPDX-License-Identifier: Apache-2.0
"""Small models with FLAME's parts, and pickles of them in every shape that real files have.

A pickle of Python 2 with chumpy objects cannot be written by this Python's pickle, so a tiny
writer of protocol 2 puts the opcodes together as Python 2 did.
"""

import pickle
import struct

import numpy as np

JOINTS = 5


def small_model(seed=0, expressions=100):
    """Arrays under FLAME's names for a bumpy sheet of 4 × 5 vertices, y up, facing +z."""
    random = np.random.default_rng(seed)
    columns, rows = 5, 4
    x, y = np.meshgrid(np.linspace(-0.08, 0.08, columns), np.linspace(-0.1, 0.1, rows))
    template = np.stack([x.ravel(), y.ravel(), 0.05 * np.cos(20 * x.ravel())], axis=1)
    count = len(template)
    faces = []
    for row in range(rows - 1):
        for column in range(columns - 1):
            a = row * columns + column
            faces += [(a, a + 1, a + columns), (a + 1, a + columns + 1, a + columns)]
    weights = np.zeros((count, JOINTS))
    weights[:, 2] = (template[:, 1] < 0) * 0.9
    weights[:, 1] = 1 - weights[:, 2]
    regressor = np.zeros((JOINTS, count))
    for joint in range(JOINTS):
        regressor[joint, [joint, joint + 7]] = 0.5
    identity = random.normal(0, 0.002, (count, 3, 300))
    expression = random.normal(0, 0.002, (count, 3, expressions))
    return {
        "v_template": template,
        "shapedirs": np.concatenate([identity, expression], axis=2),
        "posedirs": random.normal(0, 0.001, (count, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "f": np.array(faces, np.uint32),
    }


def split_in_four(model, names, seed=1):
    """A rig with the model's mesh split once, old vertices first, and random blendshapes."""
    random = np.random.default_rng(seed)
    template, faces = model["v_template"], model["f"].astype(int)
    middles, new_faces = {}, []
    ends = []

    def middle(a, b):
        key = (min(a, b), max(a, b))
        if key not in middles:
            middles[key] = len(template) + len(middles)
            ends.append(key)
        return middles[key]

    for a, b, c in faces.tolist():
        ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
        new_faces += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    pairs = np.array(ends)

    def whole(values):
        return np.concatenate([values, (values[pairs[:, 0]] + values[pairs[:, 1]]) / 2])

    deltas = np.stack([whole(random.normal(0, 0.004, template.shape)) for _ in names])
    return {
        "names": np.array(names),
        "vertices": whole(template),
        "deltas": deltas,
        "faces": np.array(new_faces),
    }


class Pickle2:
    """Opcodes of protocol 2 as Python 2's cPickle writes them."""

    def __init__(self):
        self.data = bytearray(b"\x80\x02")

    def text(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        if len(raw) < 256:
            self.data += b"U" + bytes([len(raw)]) + raw
        else:
            self.data += b"T" + struct.pack("<i", len(raw)) + raw

    def number(self, value):
        self.data += b"J" + struct.pack("<i", value)

    def name(self, module, name):
        self.data += b"c" + module.encode() + b"\n" + name.encode() + b"\n"

    def array(self, array, order="C"):
        """numpy.core.multiarray._reconstruct(ndarray, (0,), 'b') with its state."""
        self.name("numpy.core.multiarray", "_reconstruct")
        self.name("numpy", "ndarray")
        self.number(0)
        self.data += b"\x85"
        self.text("b")
        self.data += b"\x87R("
        self.number(1)
        self.data += b"("
        for size in array.shape:
            self.number(size)
        self.data += b"t"
        self.dtype(array.dtype)
        self.data += b"\x88" if order == "F" else b"\x89"
        self.text(array.tobytes(order))
        self.data += b"tb"

    def dtype(self, dtype):
        self.name("numpy", "dtype")
        self.text(dtype.str[1:])
        self.number(0)
        self.number(1)
        self.data += b"\x87R("
        self.number(3)
        self.text(dtype.str[0] if dtype.itemsize > 1 else "|")
        self.data += b"NNN"
        self.number(-1)
        self.number(-1)
        self.number(0)
        self.data += b"tb"

    def made(self, module, name, state):
        """An object by copy_reg.__reduce_ex__ of protocol 2: NEWOBJ, then its state's dict."""
        self.name(module, name)
        self.data += b")\x81"
        self.dictionary(state)
        self.data += b"b"

    def reconstructed(self, module, name, state):
        """The same as protocols 0 and 1 wrote it: copy_reg._reconstructor(cls, object, None)."""
        self.name("copy_reg", "_reconstructor")
        self.name(module, name)
        self.name("__builtin__", "object")
        self.data += b"N\x87R"
        self.dictionary(state)
        self.data += b"b"

    def dictionary(self, entries):
        """Values are callables that write themselves."""
        self.data += b"}("
        for key, write in entries.items():
            self.text(key)
            write()
        self.data += b"u"

    def names_set(self, names):
        self.name("__builtin__", "set")
        self.data += b"]("
        for name in names:
            self.text(name)
        self.data += b"e\x85R"

    def bytes(self):
        return bytes(self.data) + b"."


def official_pickle(model, chumpy=True, sparse="scipy.sparse.csc", order="C", old=False):
    """As FLAME is distributed: chumpy around the big arrays, a sparse regressor, odd extras."""
    p = Pickle2()

    def plain(array):
        return lambda: p.array(array, order)

    def wrapped(array):
        if not chumpy:
            return plain(array)
        state = {
            "_dirty_vars": lambda: p.names_set(["x"]),
            "_itr": lambda: p.data.extend(b"N"),
            "x": plain(array),
        }
        write = p.reconstructed if old else p.made
        return lambda: write("chumpy.ch", "Ch", state)

    def regressor():
        dense = model["J_regressor"]
        columns, rows = np.nonzero(dense.T)
        state = {
            "_shape": lambda: _pair(p, dense.shape),
            "data": plain(dense.T[columns, rows]),
            "indices": plain(rows.astype(np.int32)),
            "indptr": plain(np.searchsorted(columns, np.arange(dense.shape[1] + 1)).astype("i4")),
            "format": lambda: p.text("csc"),
            "maxprint": lambda: p.number(50),
        }
        p.made(sparse, "csc_matrix", state)

    entries = {
        "f": plain(model["f"]),
        "J_regressor": regressor,
        "kintree_table": plain(model["kintree_table"]),
        "weights": wrapped(model["weights"]),
        "posedirs": wrapped(model["posedirs"]),
        "v_template": wrapped(model["v_template"]),
        "shapedirs": wrapped(model["shapedirs"]),
        "bs_style": lambda: p.text("lbs"),
        "bs_type": lambda: p.text("lrotmin"),
    }
    p.dictionary(entries)
    return p.bytes()


def _pair(p, shape):
    for size in shape:
        p.number(size)
    p.data += b"\x86"


def modern_pickle(model, protocol):
    """What this Python writes of plain arrays (numpy 2's names, bytes by _codecs in protocol 2)."""
    return pickle.dumps(model, protocol)
