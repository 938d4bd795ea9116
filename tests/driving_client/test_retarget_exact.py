# SPDX-License-Identifier: Apache-2.0
"""The exact fit: FLAME's file read safely in every shape it has, and the geometry recovered."""

import contextlib
import os
import pickle
import pickletools

import numpy as np
import pytest
from flame_models import Pickle2, modern_pickle, official_pickle, small_model, split_in_four
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up.lam_files import GlbWriter, lam_zip
from made_up.plugin import LAM_NAMES, MADE_UP

from driving_client.__main__ import main
from driving_client.errors import RetargetError
from driving_client.fitting.blendshapes import Blendshapes, read_blendshapes
from driving_client.fitting.exact import coarse_faces, fit_exact, similarity
from driving_client.fitting.flame_model import load_flame_model, rotation_matrix
from driving_client.fitting.flame_pickle import FlameModelError, read_flame_pickle
from driving_client.motion import ARKIT_NAMES, FLAME_SLICES
from driving_client.retarget import CONTROL_NAMES, load_retarget
from driving_client.retarget.mouth import arkit_mouth, controls_of
from driving_client.retarget.shapes import bounded
from scripts.avatar_blendshapes import main as write_avatar_blendshapes

MODEL = small_model()
WANTED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
SHAPES = (
    "jawOpen",
    "mouthPucker",
    "mouthFunnel",
    "mouthSmileLeft",
    "mouthSmileRight",
    "eyeBlinkLeft",
)


def saved(tmp_path, data, name="model.pkl"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        official_pickle(MODEL),
        official_pickle(MODEL, order="F"),
        official_pickle(MODEL, chumpy=False),
        official_pickle(MODEL, old=True),
        official_pickle(MODEL, sparse="scipy.sparse._csc"),
        official_pickle({**MODEL, "v_template": MODEL["v_template"].astype(">f8")}),
        *(modern_pickle(MODEL, protocol) for protocol in (0, 2, 3, 4, 5)),
    ],
    ids=[
        "official",
        "fortran",
        "no-chumpy",
        "reconstructor",
        "new-scipy",
        "big-endian",
        "protocol-0",
        "protocol-2",
        "protocol-3",
        "protocol-4",
        "protocol-5",
    ],
)
def test_a_models_pickle_is_read_in_every_shape_it_comes_in(tmp_path, data):
    arrays = read_flame_pickle(saved(tmp_path, data), WANTED)
    assert set(arrays) == set(WANTED)
    for name in WANTED:
        np.testing.assert_array_equal(arrays[name], MODEL[name])
        assert arrays[name].dtype.isnative


def test_a_selection_of_chumpy_is_resolved(tmp_path):
    p = Pickle2()
    source = np.arange(30.0)
    picks = np.array([3, 1, 29, 0, 7, 8])

    def select():
        p.made(
            "chumpy.reordering",
            "Select",
            {
                "a": lambda: p.made("chumpy.ch", "Ch", {"x": lambda: p.array(source)}),
                "idxs": lambda: p.array(picks),
                "preferred_shape": lambda: (p.number(2), p.number(3), p.data.extend(b"\x86")),
            },
        )

    p.dictionary({"v_template": select})
    found = read_flame_pickle(saved(tmp_path, p.bytes()), WANTED)
    np.testing.assert_array_equal(found["v_template"], source[picks].reshape(2, 3))


def test_chumpys_other_objects_are_kept_out_of_the_way(tmp_path):
    """SMPL's J is an expression of chumpy: it is not needed, so it may be there."""
    p = Pickle2()

    def product():
        p.made("chumpy.ch", "MatVecMult", {"mtx": lambda: p.array(np.eye(3))})

    p.dictionary({"f": lambda: p.array(MODEL["f"]), "J": product})
    path = saved(tmp_path, p.bytes())
    np.testing.assert_array_equal(read_flame_pickle(path, ("f",))["f"], MODEL["f"])
    with pytest.raises(FlameModelError, match=r"J is .* not an array"):
        read_flame_pickle(path, ("J",))


class Evil:
    """A pickle that runs a command when a careless program loads it."""

    def __init__(self, function, *arguments):
        self.what = (function, arguments)

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {}",), "system"),
        (eval, ("open('{}', 'w')",), "eval"),
        (exec, ("open('{}', 'w')",), "exec"),
        (os.mkdir, ("{}",), "mkdir"),
        (open, ("{}", "w"), "open"),
        (np.load, ("{}",), "load"),
        (getattr, (os, "system"), None),
        (pickle.loads, (b"cos\nsystem\n",), "loads"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_runs_programs_is_refused(tmp_path, function, arguments, name, protocol):
    trace = tmp_path / "trace"
    filled = tuple(a.format(trace) if isinstance(a, str) else a for a in arguments)
    try:
        data = pickle.dumps({"v_template": Evil(function, *filled)}, protocol)
    except TypeError:  # modules cannot be pickled: written by hand
        data = b"\x80\x02cbuiltins\ngetattr\ncos\npath\nU\x07dirname\x86R."
        name = "getattr"
    with pytest.raises(FlameModelError, match=f"asks for .*{name}.* do not use it"):
        read_flame_pickle(saved(tmp_path, data), WANTED)
    assert not trace.exists()


def test_stand_ins_cannot_be_spoilt_for_the_next_file(tmp_path):
    """BUILD on a class or function sets its attributes: the next file gets new ones."""
    hostile = b"\x80\x02c_codecs\nencode\nN}U\x0c__defaults__(U\x03ab\x86tsb."
    with pytest.raises(FlameModelError):
        read_flame_pickle(saved(tmp_path, hostile), WANTED)
    hostile = b"\x80\x02cchumpy.ch\nCh\n}U\x0c__setstate__NsN\x86b."
    with pytest.raises(FlameModelError):
        read_flame_pickle(saved(tmp_path, hostile), WANTED)
    path = saved(tmp_path, official_pickle(MODEL))
    assert set(read_flame_pickle(path, WANTED)) == set(WANTED)
    assert set(read_flame_pickle(saved(tmp_path, modern_pickle(MODEL, 2)), WANTED)) == set(WANTED)


def hostile_array(change):
    p = Pickle2()
    p.data += b"}("
    p.text("f")
    change(p)
    p.data += b"u"
    return p.bytes()


def state_of(shape, data, dtype=b"cnumpy\ndtype\nU\x02f8\x85R"):
    def write(p):
        p.name("numpy.core.multiarray", "_reconstruct")
        p.data += b")R(K\x01("
        for n in shape:
            p.data += b"\x8a\x08" + int(n).to_bytes(8, "little", signed=True)
        p.data += b"t" + dtype + b"\x89"
        p.text(data)
        p.data += b"tb"

    return write


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable pickle"),
        (b"not a pickle", "not a readable pickle"),
        (b"\x80\x02]q\x00.", "not a dict"),
        (b"\x80\x02N.", "not a dict"),
        (hostile_array(state_of((2**40,), "")), "too large"),
        (hostile_array(state_of((2**40, 0), "")), "too large"),
        (hostile_array(state_of((-1,), "")), "shape"),
        (hostile_array(state_of((3,), "ab")), "comes with 2 bytes"),
        (hostile_array(state_of((1,), "12345678", b"N")), "without a type"),
        (hostile_array(state_of((1,), "1" * 8, b"cnumpy\ndtype\nU\x02O8\x85R")), "plain numbers"),
        (hostile_array(state_of((1,), "1" * 8, b"cnumpy\ndtype\nU\x05f8,i4\x85R")), "plain"),
        (hostile_array(lambda p: p.text("x")), "is str"),
        (hostile_array(lambda p: p.made("chumpy.ch", "Ch", {})), "f is"),
        (hostile_array(lambda p: p.made("scipy.sparse.csc", "csc_matrix", {})), "shape"),
        (hostile_array(lambda p: p.name("numpy", "ndarray")), "is function"),
        (b"\x80\x02\x82\x01.", "not a readable pickle"),
        (b"\x80\x02]\x94(" * 5, "not a readable pickle"),
    ],
)
def test_a_damaged_pickle_is_refused_with_a_reason(tmp_path, data, reason):
    path = saved(tmp_path, data)
    with pytest.raises(FlameModelError, match=reason) as caught:
        read_flame_pickle(path, WANTED)
    assert str(path) in str(caught.value)


@settings(max_examples=60)
@given(st.data())
def test_a_flipped_byte_never_ends_in_anything_but_the_named_error(tmp_path_factory, data):
    good = bytearray(official_pickle(small_model(expressions=100)))
    # Flips among opcodes and headers: inside of the numbers they only change numbers
    marks = [place for _, _, place in pickletools.genops(bytes(good))]
    place = data.draw(st.sampled_from(marks)) + data.draw(st.integers(0, 3))
    if place < len(good):
        good[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "model.pkl"
    path.write_bytes(good)
    with contextlib.suppress(FlameModelError):
        load_flame_model(path)


def test_an_npz_of_plain_arrays_is_read_and_one_with_objects_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, **MODEL)
    model = load_flame_model(path)
    assert model.template == pytest.approx(MODEL["v_template"])
    np.savez(path, **{**MODEL, "f": np.array([Evil(os.system, "true")], object)})
    with pytest.raises(FlameModelError, match="plain arrays"):
        load_flame_model(path)
    path.write_bytes(b"PK\x03\x04 rubbish")
    with pytest.raises(FlameModelError, match=r"model\.npz"):
        load_flame_model(path)
    with pytest.raises(FlameModelError, match="cannot be read"):
        load_flame_model(tmp_path / "absent.npz")
    with pytest.raises(FlameModelError, match="cannot be read"):
        load_flame_model(tmp_path / "absent.pkl")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v_template": np.zeros((20, 2))}, "v_template has shape"),
        ({"shapedirs": np.zeros((20, 3, 10))}, "10 directions"),
        ({"shapedirs": np.zeros((19, 3, 400))}, "shapedirs has shape"),
        ({"posedirs": np.zeros((20, 3, 9))}, "posedirs"),
        ({"weights": np.zeros((20, 24))}, "not FLAME"),
        ({"f": np.array([[0, 1, 20]])}, "do not exist"),
        ({"f": np.zeros((3, 3))}, "indices"),
        ({"v_template": np.full((20, 3), np.nan)}, "NaN"),
        ({"J_regressor": np.zeros((5, 20), "U1")}, "not numbers"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path, change, reason):
    path = tmp_path / "model.npz"
    np.savez(path, **{**MODEL, **change})
    with pytest.raises(FlameModelError, match=reason):
        load_flame_model(path)
    missing = {name: value for name, value in MODEL.items() if name != "weights"}
    np.savez(path, **missing)
    with pytest.raises(FlameModelError, match="no weights"):
        load_flame_model(path)


@pytest.fixture
def model(tmp_path):
    return load_flame_model(saved(tmp_path, official_pickle(MODEL)))


def test_the_jaw_turns_its_vertices_about_its_joint(model):
    model.correctives[:] = 0.0
    turn = np.array([0.2, 0.0, 0.0])
    moved = model.template + model.jaw_displacement(turn)
    below = model.jaw_weights > 0
    assert (moved[~below] == model.template[~below]).all()
    whole = (model.template - model.jaw) @ rotation_matrix(turn).T + model.jaw
    assert moved[below] == pytest.approx((0.9 * whole + 0.1 * model.template)[below])
    # A positive angle about x drops the chin: y up, facing +z, it turns y to z and z to -y
    assert rotation_matrix(turn) @ np.array([0.0, 0.0, 1.0]) == pytest.approx(
        [0.0, -np.sin(0.2), np.cos(0.2)]
    )


def rig_of(names=SHAPES):
    return split_in_four(MODEL, names)


def as_blendshapes(rig):
    return Blendshapes(tuple(rig["names"].tolist()), rig["deltas"], rig["vertices"], rig["faces"])


def frame_of(jaw, expression):
    frame = np.zeros(120, np.float32)
    frame[FLAME_SLICES["jaw_pose"]] = jaw
    frame[FLAME_SLICES["expression"]][: len(expression)] = expression
    return frame


def test_weights_are_recovered_where_flame_moves_as_the_rig_does(model):
    """A FLAME whose expressions are the rig's own shapes, turned and scaled: nothing is lost."""
    rig = rig_of()
    count = len(model.template)
    turn = rotation_matrix(np.array([0.3, -0.2, 0.1]))
    rig["vertices"] = 1.3 * rig["vertices"] @ turn.T + np.array([0.0, 1.6, 0.0])
    own = rig["deltas"][:, :count].copy() / 1.3 @ turn
    model.expressions[:] = 0.0
    model.expressions[: len(SHAPES)] = own
    fitted, report = fit_exact(model, as_blendshapes(rig))
    assert report.scale == pytest.approx(1.3)
    assert report.distance_m < 1e-9
    assert report.explained["expression 0"] == pytest.approx(1.0)
    assert report.explained["expression 5"] < 0.9, "lids are not expression"
    wanted = np.array([0.7, 0.2, 0.0, 1.0, 0.4])
    weights = fitted.weights(frame_of((0, 0, 0), wanted))
    got = [weights[ARKIT_NAMES.index(name)] for name in SHAPES[:5]]
    assert got == pytest.approx(wanted, abs=0.01)
    assert weights.sum() == pytest.approx(wanted.sum(), abs=0.02)
    # And back: the inputs that make these weights
    inputs = fitted.inputs(weights)
    assert fitted.weights(frame_of(inputs[:3], inputs[3:])) == pytest.approx(weights, abs=0.05)


def test_weights_are_the_best_ones_between_0_and_1(model):
    """Compared with scanning: no pair of weights on a grid comes closer than the solver's."""
    rig = as_blendshapes(rig_of(("jawOpen", "mouthPucker")))
    fitted, report = fit_exact(model, rig)
    assert 0.0 < report.explained["jaw x"] < 1.0
    count = len(model.template)
    grid = np.linspace(0, 1, 101)
    random = np.random.default_rng(3)
    for _ in range(5):
        expression = random.normal(0, 2, 100)
        goal = np.tensordot(expression, model.expressions, 1)
        a, b = rig.deltas[:, :count]
        left = [((u * a + v * b - goal) ** 2).sum() for u in grid for v in grid]
        weights = fitted.weights(frame_of((0, 0, 0), expression))
        u, v = (weights[ARKIT_NAMES.index(name)] for name in rig.names)
        assert ((u * a + v * b - goal) ** 2).sum() <= min(left) * 1.002
        assert 0 <= min(u, v) <= max(u, v) <= 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_solver_meets_the_conditions_of_the_best_weights(seed, size):
    """At 0 a weight would have to grow, at 1 to shrink, for a worse fit; between, neither."""
    random = np.random.default_rng(seed)
    shapes = random.normal(size=(size, 60)) * random.uniform(0.05, 3, (size, 1))
    products = shapes @ shapes.T + 1e-3 * np.eye(size)
    goal = products @ random.normal(0.3, 0.7, size)
    x = bounded(products, goal)
    slope = products @ x - goal
    assert (x >= 0).all()
    assert (x <= 1).all()
    loose = 1e-6 * np.abs(goal).max()
    assert (slope[x <= 0] >= -loose).all()
    assert (slope[x >= 1] <= loose).all()
    between = (x > 0) & (x < 1)
    assert np.abs(slope[between]).max(initial=0) <= loose


def test_another_mesh_is_refused_in_words(model):
    rig = rig_of()
    few = {**rig, "vertices": rig["vertices"][:10], "deltas": rig["deltas"][:, :10]}
    renumbered = np.random.default_rng(0).permutation(len(model.template))
    other = {**rig, "faces": rig["faces"].copy()}
    other["faces"][other["faces"] < len(model.template)] = renumbered[
        other["faces"][other["faces"] < len(model.template)]
    ]
    flat = {**rig, "vertices": rig["vertices"] * [1, 1, -3]}
    still = {**rig, "deltas": rig["deltas"] * 0}
    for bad, reason in (
        (few, "another mesh"),
        (other, "faces are not FLAME's"),
        (flat, "not a FLAME face"),
        (still, "move no vertex"),
    ):
        with pytest.raises(RetargetError, match=reason):
            fit_exact(model, as_blendshapes(bad))


def test_a_similarity_never_mirrors():
    points = np.random.default_rng(0).normal(size=(30, 3))
    _, rotation, distance = similarity(points, points * [1, 1, -1])
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert distance > 0.1


def test_the_command_fits_and_the_file_drives_a_rig(tmp_path, capsys):
    blendshapes, output = tmp_path / "rig.npz", tmp_path / "exact.json"
    np.savez(blendshapes, **rig_of())
    path = saved(tmp_path, official_pickle(MODEL))
    arguments = ["fit", "--flame", str(path), "--blendshapes", str(blendshapes)]
    assert main([*arguments, "-o", str(output)]) == 0
    said = capsys.readouterr().out
    for word in ("jaw x", "expression 0", "exact", "not exact"):
        assert word in said
    retarget = load_retarget(output)
    assert retarget.shapes is not None
    assert retarget.provenance["flame_sha256"]
    assert len(output.read_bytes()) < 1 << 20
    frame = retarget.frame(np.array([1, 0, 0, 0, 0, 0], np.float32))
    weights = retarget.arkit(frame)
    assert weights.shape == (55,)
    assert retarget.controls(frame).shape == (len(CONTROL_NAMES),)
    blink = frame.copy()
    blink[FLAME_SLICES["eye_lid"]] += 1.0
    assert retarget.arkit(blink)[ARKIT_NAMES.index("eyeBlinkLeft")] == pytest.approx(1.0)
    assert retarget.for_stream(frame).arkit(frame) == pytest.approx(weights, abs=1e-6)


def test_the_command_says_what_is_missing_or_wrong(tmp_path, capsys):
    absent = str(tmp_path / "absent.pkl")
    output = ["-o", str(tmp_path / "o.json")]
    assert main(["fit", "--flame", absent, "--blendshapes", absent, *output]) == 1
    assert "absent.pkl: cannot be read" in capsys.readouterr().err
    for arguments in (["fit", *output], ["fit", "--flame", absent, *output]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "--blendshapes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"names": np.array(["a"])}, "do not fit together"),
        ({"names": np.array(["a", "b", "c", "d", "e", "f"])}, "jawOpen"),
        ({"vertices": np.zeros((3, 3))}, "do not fit together"),
        ({"faces": np.zeros((0, 3), int)}, "wanted"),
        ({"faces": np.array([[0, 1, 10**6]])}, "do not exist"),
    ],
)
def test_bad_blendshapes_are_refused(tmp_path, change, reason):
    path = tmp_path / "rig.npz"
    np.savez(path, **{**rig_of(), **change})
    with pytest.raises(RetargetError, match=reason):
        read_blendshapes(path)
    path.write_bytes(b"rubbish")
    with pytest.raises(RetargetError, match="avatar_blendshapes"):
        read_blendshapes(path)


def split_archive(path):
    """A LAM avatar's mesh, as far as the tool reads it, of the small model split once."""
    rig, glb = rig_of(), GlbWriter()
    targets = [{"POSITION": glb.accessor(delta.astype("<f4"))} for delta in rig["deltas"]]
    primitive = {
        "attributes": {"POSITION": glb.accessor(rig["vertices"].astype("<f4"))},
        "indices": glb.accessor(rig["faces"].ravel().astype("<u2")),
        "targets": targets,
    }
    names = rig["names"].tolist()
    glb.document["meshes"] = [{"primitives": [primitive], "extras": {"targetNames": names}}]
    path.write_bytes(lam_zip({"somebody/skin.glb": glb.build()}))
    return path


@pytest.mark.parametrize("name", LAM_NAMES)
def test_lam_avatars_are_flames_topology_split_once(request, name, tmp_path):
    """What the exact fit rests on: FLAME's 5,023 vertices first, middles in the middle."""
    path = tmp_path / "lam.npz"
    if name == MADE_UP:
        source, coarse, fine = split_archive(tmp_path / "lam.zip"), (20, 24), 63
    else:
        source, coarse, fine = request.getfixturevalue("lam_zip")(name), (5023, 9976), 20018
    assert write_avatar_blendshapes([str(source), "-o", str(path)]) == 0
    rig = read_blendshapes(path)
    assert rig.vertices.shape == (fine, 3)
    assert len(rig.names) == (len(SHAPES) if name == MADE_UP else 51)
    old_vertices, old_faces = coarse
    faces = coarse_faces(rig.faces, old_vertices)
    assert faces.shape == (old_faces, 3)
    old = (rig.faces < old_vertices).sum(axis=1)
    assert np.bincount(old).tolist() == [old_faces, 3 * old_faces]
    # Each coarse face is one whose middles make a fine face, so the middles can be checked
    middles = rig.faces[old == 0]
    for values in (rig.vertices, rig.deltas[rig.names.index("jawOpen")]):
        corners = values[faces].sum(axis=1)
        assert np.abs(values[middles].sum(axis=1) - corners).max() < 6e-6


@given(st.integers(0, 5))
def test_controls_are_read_back_from_the_weights_of_one_control(index):
    controls = np.zeros(6, np.float32)
    controls[index] = 1.0
    assert controls_of(arkit_mouth(controls)) == pytest.approx(controls, abs=0.02)
