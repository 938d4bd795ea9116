# SPDX-License-Identifier: Apache-2.0
"""The bytes of the wire: the protobuf schema, its generated module, and the codec over it."""
