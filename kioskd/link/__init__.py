# SPDX-License-Identifier: Apache-2.0
"""The one link to the endpoint that is configured, or what stands in its place."""
