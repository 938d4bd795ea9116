# SPDX-License-Identifier: Apache-2.0
"""The benchmark of a board, on its own screen: what it is good for, measured once and kept.

`run` lets each part (`part_graphics` … `part_soak`) measure in a process of its own, so that a
driver that crashes or hangs costs one part and is told; `result` is what is kept of it.

Who owns the screen meanwhile: `request`. On a board kioskctl leaves a request in the data folder
and restarts kioskd, which takes it away, measures instead of showing, and ends; then systemd starts
it as after any end. So what is measured is what the service really gets (its user, its devices,
its limits), nothing but kioskd ever needs the screen, and whatever is killed in between, systemd's
`Restart=always` brings the avatar back: there is no state to restore. A second unit would be a
second copy of the service's sandbox; stopping kioskd from kioskctl would leave a dark screen
wherever kioskctl is killed.

Left out on purpose: judgement. What fits a board decide the governor and the reader.
"""
