"""One connection: bytes in, requests to the application, answers back in the same order."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from parley.domain.errors import ParleyError
from parley.http.problems import refuse
from parley.http.wire.answers import CONTINUE
from parley.http.wire.ending import end_unless_asked
from parley.http.wire.framing import RefusedError
from parley.http.wire.intake import Intake
from parley.http.wire.request import Application, Request
from parley.http.wire.roster import Roster
from parley.http.wire.unanswered import Observe, Unanswered

_log = logging.getLogger(__name__)

_TURN = 128
"""So many requests, or pieces of a chunked one, are taken from a client before the others have their turn."""


class Connection(asyncio.Protocol):
    """Holds what is unanswered, and gives up on clients that are too slow.

    Requests are taken out of the buffer one by one, so that a bound is a bound: while too many are
    unanswered, or the client does not read its answers, no more is taken and reading stops.
    """

    __slots__ = (
        "_addresses", "_application", "_at_once", "_buffer", "_deaf", "_eof", "_hanging_up", "_held_bytes", "_intake",
        "_limits", "_paused", "_roster", "_served", "_since", "_taking", "_transport", "_unanswered", "_unread",
        "_unsent_bytes", "_wake",
    )  # fmt: skip

    def __init__(self, roster: Roster, application: Application, at_once: int, observe: Observe) -> None:
        """Take what all connections share, who answers, how many requests may be unanswered, and who is told."""
        self._roster = roster
        self._limits = roster.limits
        self._application = application
        self._at_once = at_once
        self._intake = Intake(self, roster.limits, roster.new_id)
        self._transport: asyncio.Transport | None = None
        self._addresses: dict[str, tuple[str, int] | None] = {}
        self._buffer = b""
        self._unanswered = Unanswered(observe)
        self._held_bytes = 0  # as the roster counts them
        self._unsent_bytes = 0  # when we last looked
        self._since = 0.0  # when what we wait for began
        self._wake: asyncio.Handle | None = None
        self._served = False
        self._taking = False
        self._paused = False  # we do not read
        self._unread = False  # the client does not read
        self._deaf = False  # what still comes is dropped
        self._eof = False  # nothing more comes
        self._hanging_up = False

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; or refuse, if there are too many of us."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)  # whatever the kernel does not take at once is kept for the client
        self._since = self._roster.now()
        if not self._roster.enter(self):
            self._refuse(RefusedError(503, "too_many_connections", "Too many connections", retry_after_s=1))
        elif self._roster.draining:
            self.drain()

    def data_received(self, data: bytes) -> None:
        """Take the requests that are complete now."""
        if self._deaf:
            return
        now = self._roster.now()
        if self._buffer:
            data = self._buffer + data
        elif self._intake.body is None:
            self._since = now
        self._buffer = data
        if not self._paused:
            self._take(now)
        if self._roster.draining:
            self.drain()

    def eof_received(self) -> bool:
        """Still answer a client that has only stopped sending; otherwise let the transport close."""
        self._eof = True
        self._go_deaf()
        return bool(self._unanswered) and not self._hanging_up

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read its answers."""
        self._unread = True
        self._since = self._roster.now()

    def resume_writing(self) -> None:
        """Go on."""
        self._unread = False
        self._since = self._roster.now()
        self._roster.let_go(self)
        self._wake_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything, and tell those who still work on an answer."""
        del exc
        self._transport = None
        self._go_deaf()
        self._roster.hold(-self._held_bytes)
        self._roster.let_go(self)
        self._roster.leave(self)
        self._unanswered.forget()

    # Called by the roster

    def sweep(self, now: float) -> None:
        """Act on the time-out that has passed, if any."""
        limits, waited = self._limits, now - self._since
        if self._unread or self._hanging_up:
            self._sweep_unsent(now)
        elif self._intake.body is not None:
            if waited > limits.body_timeout_s:
                self._refuse(RefusedError(408, "request_timeout", "The body came too slowly"), self._intake.current)
        elif self._unanswered:
            return
        elif self._buffer:
            if waited > limits.header_timeout_s:
                self._refuse(RefusedError(408, "request_timeout", "The header came too slowly"))
        elif waited > (limits.keep_alive_timeout_s if self._served else limits.header_timeout_s):
            self._hang_up()

    def drain(self) -> None:
        """Answer what is complete, or lies in the socket, drop the rest, close."""
        if self._is_idle() and self._transport is not None and not end_unless_asked(self._transport):
            return  # data_received comes next, and then us again
        self._go_deaf()
        if not self._unanswered:
            self._hang_up()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # Called by requests

    def answered(self, request: Request) -> None:
        """Write the answers whose turn has come; those of one turn of the loop together."""
        if self._transport is None or not self._unanswered.answered(request) or self._taking:
            return
        if len(self._unanswered) == 1 and not self._paused:
            self._write_answers()
        else:
            self._wake_up()

    def address(self, which: str) -> tuple[str, int] | None:
        """Give one end of the connection, None when it is gone."""
        if which not in self._addresses:
            found = None if self._transport is None else self._transport.get_extra_info(which)
            self._addresses[which] = None if found is None else (found[0], found[1])
        return self._addresses[which]

    # Taking requests

    def _take(self, now: float) -> None:
        """Take requests until the buffer has no complete one, or a bound is met."""
        intake, buffer, at, size, turn = self._intake, self._buffer, 0, len(self._buffer), _TURN
        body = intake.body
        self._taking = True
        try:
            while at < size and turn and self._has_room():
                after = intake.take(buffer, at)
                turn -= 1
                if intake.ready is not None:
                    self._dispatch(intake.ready, now)
                elif after == at:
                    size = 0  # more bytes are needed
                at = after
        except RefusedError as refusal:
            self._refuse(refusal, intake.current)
        self._taking = False
        self._buffer = b"" if self._deaf else buffer[at:]
        if intake.body is not body:
            self._since = now
        self._write_answers()
        self._settle(has_more=at < size)

    def _is_idle(self) -> bool:
        """Tell whether nothing was begun, and what comes next is read."""
        return not (self._buffer or self._unanswered or self._paused or self._deaf or self._intake.body is not None)

    def _has_room(self) -> bool:
        """Tell whether this client may have one more request in here."""
        return not (
            self._deaf
            or self._unread
            or len(self._unanswered) >= self._at_once
            or self._unanswered.held_bytes >= self._limits.max_body_bytes
        )

    def _dispatch(self, request: Request, now: float) -> None:
        self._intake.ready = None
        self._unanswered.add(request)
        request.started = now
        if request.last:
            self._go_deaf()
        try:
            self._application(request)
        except ParleyError as error:
            refuse(request, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, this client gets an answer and the others go on
            _log.exception("request failed", extra={"request_id": request.request_id})
            if request.answer is None:
                refuse(request, error)

    def _settle(self, *, has_more: bool) -> None:
        """Read on, or stop reading while there is more in the buffer than may be taken."""
        if self._transport is None or self._hanging_up:
            return
        stop = has_more and not self._deaf
        if stop != self._paused:
            self._paused = stop
            if stop:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
        if stop and self._has_room():
            self._wake_up()
        if (self._buffer or self._intake.body is not None or self._held_bytes) and not self._account():
            refusal = RefusedError(503, "unavailable", "Too much is half sent", retry_after_s=1)
            self._refuse(refusal, self._intake.current)

    def _wake_up(self) -> None:
        if self._wake is None:
            self._wake = asyncio.get_running_loop().call_soon(self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._write_answers()
        if self._paused and not self._hanging_up:
            self._take(self._roster.now())

    def _account(self) -> bool:
        """Tell the roster how much is kept for this client; False when that is too much for all together."""
        held = len(self._buffer)
        if self._intake.body is not None:
            held += len(self._intake.body.data)
        change, self._held_bytes = held - self._held_bytes, held
        return self._roster.hold(change)

    # Answering

    def _write_answers(self) -> None:
        """Write what is answered, up to the first request that is not."""
        unanswered, intake, roster = self._unanswered, self._intake, self._roster
        if not (unanswered.is_answered or intake.expects):
            return
        now = roster.now()
        out, last = unanswered.take(now, roster.date, is_ending=self._eof or roster.parting)
        if out:
            self._since = now
            self._served = True
        if intake.expects and not unanswered:
            intake.expects = False
            out.append(CONTINUE)
        if out and self._transport is not None:
            self._write(self._transport, out[0] if len(out) == 1 else b"".join(out))
        if last:
            self._hang_up()

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Hand answers to the transport; what the client does not take now is kept whole until its last byte is out."""
        transport.write(data)
        if self._unread:
            self._roster.keep(self, len(data))

    def _refuse(self, refusal: RefusedError, request: Request | None = None) -> None:
        """Answer in the application's place, after everything that came before, and close."""
        request = request or Request(self)
        request.request_id = request.request_id or self._roster.new_id()
        self._unanswered.add_refused(request, refusal)
        self._go_deaf()
        if not self._taking:
            self._write_answers()

    def _go_deaf(self) -> None:
        self._deaf = True
        self._buffer = b""
        self._intake.close()

    # Ending

    def _hang_up(self) -> None:
        """Close such that the last answer arrives: a socket closed over unread bytes would take it back."""
        if self._transport is None or self._hanging_up:
            return
        self._go_deaf()
        self._hanging_up = True
        self._roster.ended += 1
        self._since = self._roster.now()
        if self._eof or self._roster.draining:
            self._transport.close()
            return
        self._transport.write_eof()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _sweep_unsent(self, now: float) -> None:
        """Cut a client that has taken nothing of its answers for too long."""
        if self._transport is None:
            return
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent_bytes:
            self._since = now
        self._unsent_bytes = unsent
        if now - self._since > (self._limits.write_timeout_s if unsent else self._limits.linger_s):
            self._transport.abort()
