"""JSON bodies into attrs classes: unknown keys and wrong values are refused with the path of each field."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import cattrs
import msgspec
from cattrs.preconf.json import make_converter
from cattrs.v import format_exception
from quart import Response, request

from .problems import Problem

T = TypeVar("T")

LARGEST = 2**63 - 1
"""The largest number that a database has."""


def _decimal(value: Any, _: type) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"not a decimal number: {value!r}") from None


def _strict(kind: type) -> Any:
    """A hook that takes only what JSON says is that kind: ``"5"`` is no integer, ``1`` is no boolean."""

    def hook(value: Any, _: type) -> Any:
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {value!r}")
        return value

    return hook


def _integer(value: Any, kind: type) -> int:
    number: int = _strict(int)(value, kind)
    if not -LARGEST - 1 <= number <= LARGEST:
        raise ValueError("a number of more than 64 bits")
    return number


def _float(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _converter() -> cattrs.Converter:
    converter = make_converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(float, _float)
    return converter


CONVERTER = _converter()


def structure(data: Any, into: type[T]) -> T:
    """``data`` as an instance of an attrs class. Raises ``Problem`` 422 listing every wrong field."""
    if not isinstance(data, dict):
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}: expected a JSON object")
    try:
        return CONVERTER.structure(data, into)
    except (cattrs.BaseValidationError, cattrs.ForbiddenExtraKeysError) as error:
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}", errors=_paths(error)) from None
    except (TypeError, ValueError, KeyError) as error:
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}: {error}") from None


def _paths(error: Exception) -> list[dict[str, str]]:
    wrong = []
    for line in cattrs.transform_error(error, format_exception=_words):
        message, _, path = line.rpartition(" @ ")
        wrong.append({"field": path.removeprefix("$").removeprefix("."), "message": message or line})
    return wrong


def _words(error: BaseException, kind: type | None) -> str:
    """What one error says; a validator's own words say what is allowed."""
    if isinstance(error, ValueError) and error.args:
        return str(error.args[0])
    return format_exception(error, kind)


async def body(into: type[T]) -> T:
    """The request's JSON body as an instance of an attrs class. Raises ``Problem`` 400 for what is no JSON, 422 for what does not fit."""
    text = await request.get_data()
    try:
        data = msgspec.json.decode(text or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, "Bad Request", f"the body is not JSON, or nests too deeply: {error}") from None
    return structure(data, into)


def answer(data: Any, status: int = 200) -> Response:
    """A JSON response of anything that cattrs can unstructure."""
    return Response(msgspec.json.encode(CONVERTER.unstructure(data)), status=status, content_type="application/json")
