# SPDX-License-Identifier: Apache-2.0
"""Bytes of the wire to checked messages and back.

Everything that comes from the network passes here, so this file holds the limits on size, listed in
driving_client/wire/README.md, Messages (both dialects). What it refuses is a `ProtocolError`; a
single bad keyframe is dropped and counted instead (`keyframes`). What it leaves out on purpose:
sessions and utterances, that is, which message may come when.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from driving_client.errors import ProtocolError
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.allowance import MAX_KEYFRAMES, Allowance
from driving_client.wire.keyframes import read_keyframes, write_keyframes
from driving_client.wire.messages import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    Unknown,
    WireMessage,
)

__all__ = [
    "MAX_KEYFRAMES",
    "MAX_MESSAGE_BYTES",
    "MAX_TEXT_LENGTH",
    "Animation",
    "AudioInput",
    "ConfigureSession",
    "ConfirmSession",
    "Interrupt",
    "Pause",
    "PlaybackStateMessage",
    "Resume",
    "ServerError",
    "Unknown",
    "WireMessage",
    "decode_message",
    "encode_message",
]

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
MAX_TEXT_LENGTH: Final = 4096

_FIELD_OF_TYPE: Final = {
    pb.MESSAGE_CLIENT_CONFIGURE_SESSION: "client_configure_session",
    pb.MESSAGE_SERVER_CONFIRM_SESSION: "server_confirm_session",
    pb.MESSAGE_CLIENT_AUDIO_INPUT: "client_audio_input",
    pb.MESSAGE_SERVER_ERROR: "server_error",
    pb.MESSAGE_SERVER_RESPONSE_ANIMATION: "server_response_animation",
    pb.MESSAGE_CLIENT_INTERRUPT: "client_interrupt",
    pb.MESSAGE_CLIENT_PAUSE: "client_pause",
    pb.MESSAGE_CLIENT_RESUME: "client_resume",
    pb.MESSAGE_SERVER_PLAYBACK_STATE: "server_playback_state",
}


def decode_message(data: bytes, allowance: Allowance | None = None) -> WireMessage:
    """One message of a frame; raises ProtocolError and nothing else.

    `allowance` is what the frame may still hold, where it holds several messages.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError(
            f"message of {len(data)} bytes: at most {MAX_MESSAGE_BYTES} are accepted; "
            "send the motion or audio in smaller messages"
        )
    (allowance or Allowance()).check(data)
    envelope = pb.Message()
    try:
        envelope.ParseFromString(data)
    except DecodeError as error:
        raise ProtocolError(
            f"message of {len(data)} bytes is not a protobuf Message ({error}); "
            "check that the endpoint speaks driveningress"
        ) from error
    expected = _FIELD_OF_TYPE.get(envelope.type)
    if expected is None:
        return Unknown(int(envelope.type))
    present = envelope.WhichOneof("data")
    if present != expected:
        raise ProtocolError(
            f"message type {int(envelope.type)} must hold {expected} but holds {present}; "
            "the message is damaged or its sender uses another schema"
        )
    return _unpack(envelope)


def encode_message(message: WireMessage) -> bytes:
    """A message to the bytes of one binary frame; raises ProtocolError if it is too large."""
    if isinstance(message, Animation) and len(message.frames) > MAX_KEYFRAMES:
        raise ProtocolError(
            f"motion of {len(message.frames)} keyframes in one message: at most {MAX_KEYFRAMES} "
            "are accepted; send it in smaller messages"
        )
    data = _pack(message).SerializeToString()
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError(
            f"message of {len(data)} bytes: at most {MAX_MESSAGE_BYTES} may be sent; "
            "split it into smaller messages"
        )
    return data


def _text(value: str, name: str) -> str:
    if len(value) > MAX_TEXT_LENGTH:
        raise ProtocolError(
            f"{name} of {len(value)} characters: at most {MAX_TEXT_LENGTH} are accepted; "
            "the message is damaged"
        )
    return value


def _unpack(envelope: pb.Message) -> WireMessage:
    """The message of an envelope whose type and content agree."""
    match envelope.WhichOneof("data"):
        case "server_response_animation":
            return _unpack_animation(envelope.server_response_animation)
        case "client_audio_input":
            sound = envelope.client_audio_input
            return AudioInput(_text(sound.req_id, "req_id"), sound.audio, sound.end)
        case "client_configure_session":
            configure = envelope.client_configure_session
            return ConfigureSession(
                configure.sample_rate,
                configure.bitrate,
                int(configure.audio_format),
                dict(configure.extra_params),
                int(configure.egress_type),
            )
        case "server_confirm_session":
            confirm = envelope.server_confirm_session
            return ConfirmSession(
                _text(confirm.connection_id, "connection_id"), tuple(confirm.capabilities)
            )
        case "server_error":
            error = envelope.server_error
            return ServerError(
                error.code,
                _text(error.message, "message"),
                _text(error.connection_id, "connection_id"),
                _text(error.req_id, "req_id"),
            )
        case "client_interrupt":
            return Interrupt(_text(envelope.client_interrupt.req_id, "req_id"))
        case "client_pause":
            return Pause(_text(envelope.client_pause.req_id, "req_id"))
        case "client_resume":
            return Resume(_text(envelope.client_resume.req_id, "req_id"))
        case _:
            playback = envelope.server_playback_state
            return PlaybackStateMessage(
                _text(playback.req_id, "req_id"),
                int(playback.state),
                playback.played_ms,
                _text(playback.reason, "reason"),
                _text(playback.connection_id, "connection_id"),
            )


def _unpack_animation(message: pb.ServerResponseAnimation) -> Animation:
    frames, dropped = read_keyframes(message.animation.keyframes)
    return Animation(
        _text(message.req_id, "req_id"),
        frames,
        message.end,
        _text(message.connection_id, "connection_id"),
        dropped,
    )


def _pack(message: WireMessage) -> pb.Message:
    match message:
        case Animation():
            motion = pb.ServerResponseAnimation(
                connection_id=message.connection_id, req_id=message.request_id, end=message.end
            )
            write_keyframes(message.frames, motion.animation)
            return pb.Message(
                type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION, server_response_animation=motion
            )
        case AudioInput(request_id, audio, end):
            return pb.Message(
                type=pb.MESSAGE_CLIENT_AUDIO_INPUT,
                client_audio_input=pb.ClientAudioInput(req_id=request_id, audio=audio, end=end),
            )
        case ConfigureSession():
            configure = pb.ClientConfigureSession(
                sample_rate=message.sample_rate,
                bitrate=message.bitrate,
                audio_format=pb.AudioFormat.Name(message.audio_format),
                extra_params=message.extra_params,
                egress_type=pb.EgressType.Name(message.egress_type),
            )
            return pb.Message(
                type=pb.MESSAGE_CLIENT_CONFIGURE_SESSION, client_configure_session=configure
            )
        case ConfirmSession(connection_id, capabilities):
            return pb.Message(
                type=pb.MESSAGE_SERVER_CONFIRM_SESSION,
                server_confirm_session=pb.ServerConfirmSession(
                    connection_id=connection_id, capabilities=capabilities
                ),
            )
        case ServerError():
            error = pb.ServerError(
                connection_id=message.connection_id,
                req_id=message.request_id,
                code=message.code,
                message=message.message,
            )
            return pb.Message(type=pb.MESSAGE_SERVER_ERROR, server_error=error)
        case Interrupt(request_id):
            return pb.Message(
                type=pb.MESSAGE_CLIENT_INTERRUPT,
                client_interrupt=pb.ClientInterrupt(req_id=request_id),
            )
        case Pause(request_id):
            return pb.Message(
                type=pb.MESSAGE_CLIENT_PAUSE, client_pause=pb.ClientPause(req_id=request_id)
            )
        case Resume(request_id):
            return pb.Message(
                type=pb.MESSAGE_CLIENT_RESUME, client_resume=pb.ClientResume(req_id=request_id)
            )
        case PlaybackStateMessage():
            playback = pb.ServerPlaybackState(
                connection_id=message.connection_id,
                req_id=message.request_id,
                state=pb.ServerPlaybackState.State.Name(message.state),
                played_ms=message.played_ms,
                reason=message.reason,
            )
            return pb.Message(type=pb.MESSAGE_SERVER_PLAYBACK_STATE, server_playback_state=playback)
        case Unknown(message_type):
            raise ProtocolError(
                f"message type {message_type} is unknown and cannot be sent; use a known message"
            )
