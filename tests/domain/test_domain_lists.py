"""Every list of what is at chargers: each filter, each order, and those who may see some stations only, on both engines."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.core.paging import Page, Paged, Stretch
from csms.core.ports import ReadTx
from csms.db import StoreDatabase
from csms.domain.alerts import store as alerts
from csms.domain.alerts.model import AlertsQuery
from csms.domain.local_lists import store as local_lists
from csms.domain.local_lists.model import EntriesQuery, LocalListsQuery
from csms.domain.profiles import store as profiles
from csms.domain.profiles.shown import AssignmentsQuery, HeldAnywhereQuery, ProfilesQuery
from csms.domain.reservations import store as reservations
from csms.domain.reservations.model import ReservationsQuery
from csms.domain.security.shown import (
    CertificatesQuery,
    RequestsQuery,
    RootsQuery,
    RotationsQuery,
    SecurityEventsQuery,
    UpgradesQuery,
)
from csms.domain.security.store import certificates, events, keys, requests, roots
from csms.domain.upkeep.model.availability import AvailabilityQuery, WindowsQuery
from csms.domain.upkeep.model.campaigns import CampaignsQuery, MembersQuery
from csms.domain.upkeep.model.configured import DriftQuery, TemplatesQuery
from csms.domain.upkeep.model.firmware import ImagesQuery, UpdatesQuery
from csms.domain.upkeep.model.resets import ResetsQuery
from csms.domain.upkeep.model.uploads import UploadsQuery
from csms.domain.upkeep.store import availability, campaigns, configuration, firmware, resets, templates, uploads

List = Callable[..., Page[Any] | Stretch[Any]]

AT_CHARGERS: tuple[tuple[List, type], ...] = (
    (alerts.page_of_alerts, AlertsQuery),
    (reservations.page_of_reservations, ReservationsQuery),
    (local_lists.page_of_lists, LocalListsQuery),
    (profiles.page_of_held, HeldAnywhereQuery),
    (certificates.page_of_certificates, CertificatesQuery),
    (requests.page_of_requests, RequestsQuery),
    (keys.page_of_rotations, RotationsQuery),
    (keys.page_of_upgrades, UpgradesQuery),
    (events.stretch_of_events, SecurityEventsQuery),
    (availability.page_of_places, AvailabilityQuery),
    (availability.page_of_windows, WindowsQuery),
    (configuration.page_of_drift, DriftQuery),
    (firmware.page_of_updates, UpdatesQuery),
    (resets.page_of_resets, ResetsQuery),
    (uploads.page_of_uploads, UploadsQuery),
)
OF_TENANT: tuple[tuple[List, type], ...] = (
    (profiles.page_of_templates, ProfilesQuery),
    (profiles.page_of_assignments, AssignmentsQuery),
    (roots.page_of_roots, RootsQuery),
    (firmware.page_of_images, ImagesQuery),
    (campaigns.page_of_campaigns, CampaignsQuery),
    (partial(campaigns.page_of_members, campaign_id=1), MembersQuery),
    (templates.page_of_templates, TemplatesQuery),
    (partial(local_lists.page_of_entries, charger_id="C1"), EntriesQuery),
)


def options(field: attrs.Attribute[Any]) -> tuple[Any, ...]:
    """What a field's validator lets through, where it names that."""
    inner = getattr(field.validator, "validator", field.validator)
    return tuple(getattr(inner, "options", None) or ())


def values(field: attrs.Attribute[Any], hint: Any) -> Iterator[Any]:
    """Something of everything that may be asked for by a field."""
    if found := options(field):
        yield from found
        return
    kinds = [each for each in typing.get_args(hint) if each is not type(None)] if isinstance(hint, types.UnionType) else [hint]
    yield from {bool: (True, False), int: (1,), str: ("x", "100%_!'")}[kinds[0]]


def queries(kind: type) -> Iterator[Any]:
    """A query for each value of each field, one that asks for nothing, and one for everything at once."""
    hints = typing.get_type_hints(kind)
    yield kind()
    everything = {}
    for field in attrs.fields(kind):
        for value in values(field, hints[field.name]):
            if field.name == "after" and not str(value).isdigit():
                value = "5"
            yield kind(**{field.name: value})
            everything[field.name] = value
    yield kind(**everything)


@pytest.mark.parametrize("stations", [None, frozenset[int](), frozenset({1, 2, 3})], ids=["everywhere", "nowhere", "there"])
async def test_every_filter_and_order(database: StoreDatabase, stations: frozenset[int] | None) -> None:
    def read(tx: ReadTx) -> int:
        asked = 0
        for listed, kind in AT_CHARGERS:
            for query in queries(kind):
                assert not listed(tx, query, stations=stations).items
                asked += 1
        for listed, kind in OF_TENANT if stations is None else ():
            for query in queries(kind):
                assert not listed(tx, query=query).items
                asked += 1
        return asked

    assert await database.read(read, tenant=DEFAULT_TENANT) > 150


def test_every_page_can_be_searched_and_turned_round() -> None:
    for _, kind in (*AT_CHARGERS, *OF_TENANT):
        if issubclass(kind, Paged):
            sort = attrs.fields_dict(kind)["sort"]
            assert sort.default in options(sort), kind
            assert {each.removeprefix("-") for each in options(sort)} == {each for each in options(sort) if each[0] != "-"}
