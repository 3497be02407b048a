"""No application is shown what another one wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index

TENANT: Final = "tenant"


def find_foreign(index: Index) -> Iterator[Finding]:
    """Find values in answers, final readings and searches of an application that did not write them."""
    for scope in index.scopes.values():
        for version in scope.versions.values():
            write, read, row = version.write, version.first, version.row
            if write is not None and write.scope.app != scope.app:
                what = f"{read.name} read {row.value} as number {row.number}, which {write.scope.where} wrote"
                yield index.found(TENANT, scope, what, read, write.tried, number=row.number, value=row.value)
