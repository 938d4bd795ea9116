# SPDX-License-Identifier: Apache-2.0
"""What a board may tell of itself to strangers: one JSON, made of `form`'s fields and no others.

`facts`, `graphics` and `probe` look; `form` says field by field what may leave the board, and
`shapes` lets nothing else through, so that a source which begins to tell more tells it to nobody.
Texts that a vendor wrote are passed on only where they are of a form that holds no name or number
of this one board; `own_words` drops them where they hold one nevertheless.

Left out on purpose: what checks observed and why in words (they hold addresses, paths and what an
endpoint said), the link and the motion (an endpoint's own codes), names of partitions, card names,
users, hosts and networks, and all that was said or shown.
"""
