# SPDX-License-Identifier: Apache-2.0
"""The person's shape: MakeHuman's body, face and lids as one adult, and places to measure from."""
