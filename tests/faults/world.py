"""What the clients of a run know together: applications, their chats, and messages that may be asked for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

from tests.support.tenant import APPLICATIONS


@dataclass(eq=False)
class KnownChat:
    """A chat that was acknowledged."""

    number: int
    messages: list[int] = field(default_factory=list)
    """Acknowledged, and not asked to be deleted."""
    words: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    """What was acknowledged last."""
    gone: bool = False
    """Whether somebody has asked for its deletion."""
    is_kept: bool = False
    """Whether nobody is to ask for that."""


@dataclass(eq=False)
class KnownApplication:
    """An application of the run."""

    token: str
    chats: list[KnownChat] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Give its path."""
        return f"{APPLICATIONS}/{self.token}"

    def path_of(self, chat: KnownChat) -> str:
        """Give a chat's path."""
        return f"{self.path}/chats/{chat.number}"

    def pick_chat(self, rng: Random) -> KnownChat | None:
        """Give one of the chats."""
        return rng.choice(self.chats) if self.chats else None

    def let_go(self, chat: KnownChat) -> None:
        """Ask for nothing in it any more."""
        chat.gone = True
        self.chats.remove(chat)
