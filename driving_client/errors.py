# SPDX-License-Identifier: Apache-2.0
"""Every error that driving_client raises on purpose, under one root.

A message says what is wrong, where, and how to mend it. Programming mistakes are left to
Python's own exceptions.
"""


class DrivingError(Exception):
    """Root of the errors of driving_client."""


class AddressError(DrivingError):
    """An address that cannot be used; says which part is wrong and what is allowed."""


class ProtocolError(DrivingError):
    """A message of the wire breaks the protocol: damaged, oversized or out of range."""


class RecordingError(DrivingError):
    """A recording of the wire cannot be read."""


class RetargetError(DrivingError):
    """A retarget file is damaged, of another version, or does not fit the motion."""


class LinkError(DrivingError):
    """The driving endpoint cannot be reached or ended the session."""


class SpeechError(DrivingError):
    """Text or audio cannot be turned into speech or motion."""
