# SPDX-License-Identifier: Apache-2.0
"""How the model of the mouth is made: synthetic voices, labels, training, export, scores.

Nothing of this runs on a board. PyTorch and ONNX are imported by `network`, `trainer` and
`export` only, and live in an environment of their own (`make train-lipsync`).
"""
