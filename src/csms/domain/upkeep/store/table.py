"""Nouns as rows of a table whose columns are the noun's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import attrs

from csms.core.ports import ReadTx, Row, Tx

N = TypeVar("N", bound=attrs.AttrsInstance)


class Table(Generic[N]):
    """Reads, inserts and saves nouns of one kind. The texts are made of constants: the table's name and the noun's fields."""

    def __init__(self, noun: type[N], name: str) -> None:
        self._noun = noun
        self._name = name
        self.columns = tuple(field.name for field in attrs.fields(noun))
        self.select = f"SELECT {', '.join(self.columns)} FROM {name} WHERE tenant = :tenant"  # noqa: S608
        self._updates: dict[tuple[str, ...], str] = {}

    @cached_property
    def _insert(self) -> str:
        names = [name for name in self.columns if name != "id"]
        return (
            f"INSERT INTO {self._name} (tenant, {', '.join(names)})"  # noqa: S608
            f" VALUES (:tenant, {', '.join(':' + name for name in names)})"
        )

    def noun(self, row: Row) -> N:
        """The noun of a row."""
        return self._noun(**{name: row[name] for name in self.columns})

    def one(self, tx: ReadTx, more: str, **parameters: Any) -> N | None:
        """The first that is so: ``more`` continues the WHERE."""
        row = tx.one(f"{self.select} {more}", **parameters)
        return None if row is None else self.noun(row)

    def all(self, tx: ReadTx, more: str, **parameters: Any) -> Sequence[N]:
        """All that are so."""
        return [self.noun(row) for row in tx.all(f"{self.select} {more}", **parameters)]

    def insert(self, tx: Tx, new: N, conflict: str = "") -> int | None:
        """Store a new one; its id. ``conflict`` such as ``ON CONFLICT DO NOTHING`` may leave it out: None."""
        values = {name: _plain(getattr(new, name)) for name in self.columns if name != "id"}
        found: int | None = tx.value(f"{self._insert} {conflict} RETURNING id", **values)
        return found

    def save(self, tx: Tx, stored: N, changed: N) -> None:
        """Store what changed."""
        changes: Mapping[str, Any] = {
            name: _plain(value) for name in self.columns if (value := getattr(changed, name)) != getattr(stored, name)
        }
        if not changes:
            return
        names = tuple(changes)
        if names not in self._updates:
            settings = ", ".join(f"{name} = :{name}" for name in names)
            self._updates[names] = f"UPDATE {self._name} SET {settings} WHERE tenant = :tenant AND id = :which"  # noqa: S608
        tx.run(self._updates[names], which=stored.id, **changes)  # type: ignore[attr-defined]  # every noun of ours has one


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value
