# SPDX-License-Identifier: Apache-2.0
"""Reports that people send of their boards: checked, written into board.yaml, drawn as a matrix.

A report comes from a stranger. It is bounded in size before it is read, must be exactly of the form
in `kioskd.report.form`, and what is written of it are words of a form that means nothing in YAML,
Markdown or a terminal. Whether its figures are true nobody here can know; whether they can be is
looked at.
"""
