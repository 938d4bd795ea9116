# SPDX-License-Identifier: Apache-2.0
"""Every parser that the network reaches, as something that can be fed any bytes.

The targets are plain functions; `tests/fuzz` feeds them for half a minute with `mutation`, and
`scripts/fuzz.py` for as long as one likes with atheris, which sees what each input has reached.
"""
