from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Conflict, Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Database
from csms.domain.tenants import service, store


async def test_every_installation_has_the_default_tenant(database: Database) -> None:
    tenant = await database.read(store.current, tenant=DEFAULT_TENANT)
    assert tenant is not None
    assert (tenant.id, tenant.slug) == (DEFAULT_TENANT, "default")
    assert tenant.currency == "INR"


async def test_a_tenant_is_added_and_found_by_its_slug(database: Database) -> None:
    add = partial(service.add, slug="north-1", name="North", currency="EUR", time_zone="Europe/Berlin")
    added = await database.write(add, tenant=DEFAULT_TENANT)
    assert added != DEFAULT_TENANT
    found = await database.read(store.by_slug, "north-1", tenant=DEFAULT_TENANT)
    assert found is not None
    assert (found.id, found.currency, found.time_zone) == (added, "EUR", "Europe/Berlin")
    assert [each.id for each in await database.read(store.everybody, tenant=DEFAULT_TENANT)] == [DEFAULT_TENANT, added]


async def test_a_slug_is_given_once(database: Database) -> None:
    add = partial(service.add, slug="default", name="Again", currency="EUR", time_zone="UTC")
    with pytest.raises(Conflict, match="default"):
        await database.write(add, tenant=DEFAULT_TENANT)


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"slug": "No Slug"}, "slug"),
        ({"slug": "-x"}, "slug"),
        ({"name": "  "}, "name"),
        ({"currency": "rupees"}, "currency"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
    ],
)
async def test_wrong_values_are_refused_by_name(database: Database, wrong: dict[str, str], field: str) -> None:
    values: dict[str, Any] = {"slug": "x", "name": "X", "currency": "INR", "time_zone": "UTC"} | wrong
    with pytest.raises(Invalid) as refused:
        await database.write(partial(service.add, **values), tenant=DEFAULT_TENANT)
    assert refused.value.field == field


async def test_a_tenant_changes_only_itself(database: Database) -> None:
    add = partial(service.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add, tenant=DEFAULT_TENANT)
    changed = await database.write(partial(service.change, name="Renamed", currency="USD"), tenant=other)
    assert (changed.name, changed.currency, changed.time_zone) == ("Renamed", "USD", "UTC")
    ours = await database.read(store.current, tenant=DEFAULT_TENANT)
    assert ours is not None
    assert ours.name == "Default"
