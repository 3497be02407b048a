"""Writing applications: in the database before the answer, then the log's gate."""

from __future__ import annotations

from collections.abc import Callable

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import IdempotencyKey
from parley.domain.model import Application
from parley.ingest.deadline import written
from parley.ingest.parents import Parents
from parley.log.port import Log
from parley.storage.port import Tenants


def _never(_: str) -> bool:
    """Tell that an embedded log is where the database is."""
    return False


class ApplicationWrites:
    """What can be done to applications."""

    def __init__(
        self,
        tenants: Tenants,
        log: Log,
        parents: Parents,
        on_deleted: Callable[[str], None],
        is_away: Callable[[str], bool] = _never,
    ) -> None:
        """Write to ``tenants``; a deletion then closes the gate in ``log``, and ``on_deleted`` hears of the token.

        Of a token ``is_away`` says that its gate cannot be closed at present.
        """
        self._is_away = is_away
        self._tenants = tenants
        self._log = log
        self._parents = parents
        self._on_deleted = on_deleted

    async def create_application(self, name: str, key: IdempotencyKey | None) -> tuple[Application, bool]:
        """Make an application; ``True`` with it if the key was seen and it is the first one again.

        Raises:
            KeyReusedError: the key came with another name.
            OutcomeUnknownError: it took longer than its request may take.
        """
        application, replayed = await written(self._tenants.create(name, key))
        self._parents.add(application.token, None)
        return application, replayed

    async def rename_application(self, token: str, name: str) -> Application:
        """Change the name; the token never changes.

        Raises:
            NotFoundError: the application is not there.
            OutcomeUnknownError: it took longer than its request may take.
        """
        return await written(self._tenants.rename(token, name))

    async def delete_application(self, token: str) -> None:
        """Close the application's gate; what it holds is unreachable from now on and erased later.

        Raises:
            NotFoundError: the application is not there.
            UnavailableError: the log is away, so nothing was done.
            OutcomeUnknownError: it is deleted, and the log could not be told; or it took too long.
        """
        if self._is_away(token):
            await self._tenants.get(token)
            raise UnavailableError("The log is away, so the application cannot be closed", code="log_unavailable")
        try:
            await written(self._delete(token))
        finally:  # it may be deleted although nobody could say so
            self._parents.forget(token, None)
            self._on_deleted(token)

    async def _delete(self, token: str) -> None:
        await self._tenants.delete(token)
        try:
            await self._log.close_gate(token)
        except UnavailableError as error:  # deleted all the same: a worker closes the gate as soon as it can
            raise OutcomeUnknownError("The application is deleted, but may take writes for a moment") from error
