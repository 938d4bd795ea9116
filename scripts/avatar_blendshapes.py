#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the blendshapes of a LAM avatar as the .npz that the exact FLAME fit reads.

  python scripts/avatar_blendshapes.py AVATAR.zip -o avatar_blendshapes.npz
  python -m driving_client fit --flame generic_model.pkl \\
      --blendshapes avatar_blendshapes.npz -o flame_to_arkit.json

The whole mesh is written in the order of the avatar's own skin.glb: bundles reorder their
splats and leave out the transparent ones, so they cannot be matched with FLAME's vertices.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from splat_gles.errors import ImportSourceError, SplatError
from splat_gles.importers.glb import MALFORMED, Glb
from splat_gles.importers.lam_archive import LamArchive


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path, help="a LAM avatar (zip with skin.glb)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .npz to write")
    options = parser.parse_args(arguments)
    try:
        names, vertices = write(options.avatar, options.output)
    except (SplatError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {names} blendshapes of {vertices:,} vertices")
    return 0


def write(avatar: Path, output: Path) -> tuple[int, int]:
    """Write the file; returns how many blendshapes and vertices it has."""
    glb = Glb(LamArchive(avatar, ["skin.glb"]).read("skin.glb"), f"{avatar}: skin.glb")
    try:
        mesh = glb.document["meshes"][0]
        primitive = mesh["primitives"][0]
        names = [str(name) for name in mesh["extras"]["targetNames"]]
        vertices = glb.accessor(primitive["attributes"]["POSITION"])
        faces = glb.accessor(primitive["indices"]).reshape(-1, 3)
        deltas = np.stack([glb.accessor(each["POSITION"]) for each in primitive["targets"]])
    except MALFORMED as cause:
        told = f"{glb.where}: no mesh of faces with named blendshapes ({cause!r})"
        raise ImportSourceError(told) from cause
    np.savez_compressed(
        output,
        names=np.array(names),
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        deltas=deltas.astype(np.float32),
    )
    return len(names), len(vertices)


if __name__ == "__main__":
    sys.exit(main())
