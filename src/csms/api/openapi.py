"""The API described by itself: OpenAPI 3.1 of all declared routes, with every error that each can give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from csms import __version__
from csms.core.access import PERMISSIONS, ROLES

from .openapi_parts import ABOUT, ERRORS, HEADERS, PARAMETERS, PROBLEM_SCHEMAS, SECURITY, problem_answer, reference
from .overlays import Schema
from .routes import CHARGER, FILE, LIST, OWN, PUBLIC, STATION, Raw, Reply, Route, Routes, Streamed
from .schemas import Schemas
from .shapes import fields_of, show

JSON = "application/json"

_REACH = {
    LIST: "Staff of some stations see only what is theirs.",
    STATION: "Staff of some stations may use it for these.",
    CHARGER: "Staff of some stations may use it for the chargers there.",
    OWN: "It is about the caller alone.",
}
_IN_PATHS = {
    "charger_id": "the charger's id, as in the URL that it connects to",
    "place": "which connector: 1, or 2.1 for connector 1 of EVSE 2",
}
_DONE = {201: "Made.", 202: "Taken on, and under way.", 204: "Done."}


class Document:
    """One OpenAPI document, made route by route: whoever serves others meanwhile can pause between two."""

    def __init__(self) -> None:
        self._schemas = Schemas()
        self._paths: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, str] = {}

    def add(self, route: Route, of: Routes, prefix: str) -> None:
        """Describe a route. Raises ``TypeError`` for a body, a query or an answer that has no JSON form."""
        about = self._tags.get(route.tag, "")
        if of.about not in about:
            about = f"{about} {of.about}".strip()
        self._tags[route.tag] = about
        try:
            self._paths.setdefault(f"{prefix}{route.template}", {})[route.method.lower()] = self._operation(route)
        except TypeError as error:
            raise TypeError(f"{route.name}: {error}") from None

    def finish(self) -> dict[str, Any]:
        """The whole document."""
        paths, schemas = self._schemas.finish(self._paths)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "csms management API",
                "version": __version__,
                "summary": "What operators, owners, drivers and integrators do with chargers.",
                "description": ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "This server."}],
            "security": [{name: []} for name in SECURITY],
            "tags": [{"name": name, "description": about} for name, about in self._tags.items()],
            "paths": paths,
            "components": {
                "schemas": schemas | PROBLEM_SCHEMAS,
                "responses": {name: problem_answer(status, about) for status, (name, about) in ERRORS.items()},
                "parameters": PARAMETERS,
                "headers": HEADERS,
                "securitySchemes": SECURITY,
            },
        }

    def _operation(self, route: Route) -> dict[str, Any]:
        asked, answered = examples(route)
        told: dict[str, Any] = {
            "operationId": route.name,
            "tags": [route.tag],
            "summary": route.summary,
            "description": "\n\n".join(part for part in (route.about, _needed(route)) if part),
        }
        if parameters := list(self._parameters(route)):
            told["parameters"] = parameters
        if route.body is not None:
            content = _with_example({"schema": self._schemas.body(route.body)}, asked)
            told["requestBody"] = {"required": _has_to_be_given(route.body), "content": {JSON: content}}
        elif route.raw_body:
            told["requestBody"] = {"required": True, "content": {kind.strip(): {} for kind in route.raw_body.split(",")}}
        told["responses"] = {**self._answers(route, answered), **_errors(route)}
        if route.needs == PUBLIC:
            told["security"] = []
        else:
            told["x-permission"] = route.needs
        if route.deprecated:
            told |= {"deprecated": True, "x-deprecated": route.deprecated}
        if route.sunset:
            told["x-sunset"] = route.sunset
        return told

    def _parameters(self, route: Route) -> Iterator[dict[str, Any]]:
        for name, kind in route.path:
            schema = {"type": "integer", "format": "int64", "minimum": 0} if kind is int else {"type": "string", "minLength": 1}
            said = {"description": _IN_PATHS[name]} if name in _IN_PATHS else {}
            yield {"name": name, "in": "path", "required": True, "schema": schema, **said}
        for name, required, schema, about in self._schemas.arguments(route.query) if route.query is not None else ():
            listed = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
            told = {"description": about} if about else {}
            yield {"name": name, "in": "query", "required": required, "schema": schema, **listed, **told}
        if route.needs != PUBLIC:
            yield reference("parameters", "Tenant")
        if route.takes_key:
            wanted = "IdempotencyKeyOfStrangers" if route.needs == PUBLIC else "IdempotencyKeyWanted"
            yield reference("parameters", wanted if route.moves else "IdempotencyKey")
        if has_etag(route):
            yield reference("parameters", "IfNoneMatch")
        if route.compared and route.method in ("PUT", "PATCH", "DELETE"):
            yield reference("parameters", "IfMatch")

    def _answers(self, route: Route, example: Any) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        more = {status: about for status, about in route.errors.items() if status < 400}
        if route.produces == FILE:
            more = {206: "The part that Range asks for.", 304: "Nothing changed since the ETag in If-None-Match.", **more}
        for status, about in {route.status: _DONE.get(route.status, "The answer."), **more}.items():
            answer: dict[str, Any] = {"description": about, "headers": _headers(route, status)}
            if status not in (204, 304):
                schema = self._answer(route)
                answer["content"] = {route.produces: _with_example({"schema": schema} if schema else {}, example)}
                answer["content"] |= {kind: {} for kind in route.also}
            answers[str(status)] = answer
        if has_etag(route):
            answers.setdefault("304", {"description": "Nothing changed since the ETag in If-None-Match."})
        return answers

    def _answer(self, route: Route) -> Schema:
        if route.produces != JSON:
            return {"type": "string"} if route.produces.startswith("text/") else {}
        return {} if is_unsaid(route) else self._schemas.answer(route.tells)


def is_unsaid(route: Route) -> bool:
    """Whether the declaration of a route does not say what its JSON answer looks like."""
    return route.produces == JSON and (route.tells in (Reply, Raw, Streamed, Any) or (route.tells is None and route.status != 204))


def has_etag(route: Route) -> bool:
    """Whether the answer to a GET can be asked for only where it changed."""
    return route.method == "GET" and route.produces == JSON


def examples(route: Route) -> tuple[Any, Any]:
    """The examples of a route's body and of its answer; None where there is none.

    ``Route.example`` is either or a tuple of both: an instance of the body's class is the body's, plain data the body's where there is
    one, and everything else the answer's.
    """
    asked: Any = None
    answered: Any = None
    for each in route.example if isinstance(route.example, tuple) else (route.example,):
        if each is None:
            continue
        for_body = isinstance(each, route.body or ()) if attrs.has(type(each)) else route.body is not None and asked is None
        if for_body:
            asked = show(each)
        else:
            answered = show(each)
    return asked, answered


def usual_errors(route: Route) -> set[int]:
    """The errors that a route can give without saying so: what the machinery before its handler, and the store, may answer."""
    errors = {429, 503}
    if route.needs != PUBLIC:
        errors |= {401, 403, 404}
    if route.path:
        errors |= {404}
    if route.query is not None or route.body is not None or route.path:
        errors |= {422}
    if route.method != "GET":
        errors |= {409, 422}
    if route.method != "GET" and ("charger_id", str) in route.path and any(kind is int for _, kind in route.path):
        errors |= {405}  # a charger's id may have slashes, so that another operation matches
    if route.body is not None or route.raw_body:
        errors |= {400, 413, 415}
    if route.method in ("PUT", "PATCH", "DELETE"):
        errors |= {412}
    if route.produces == FILE:
        errors |= {416}
    if route.limit_s is not None:
        errors |= {504}
    return errors


def _errors(route: Route) -> dict[str, Any]:
    told = {status: about for status, about in route.errors.items() if status >= 400}
    return {
        str(status): problem_answer(status, told[status]) if status in told else reference("responses", ERRORS[status][0])
        for status in sorted({*usual_errors(route), *told})
    }


def _headers(route: Route, status: int) -> dict[str, Any]:
    told = {"X-Request-Id": "RequestId", "RateLimit-Policy": "RateLimitPolicy", "RateLimit": "RateLimit"}
    if route.produces == JSON and route.method in ("GET", "PUT", "PATCH") and status == 200:
        told["ETag"] = "ETag"
    if status == 201:
        told["Location"] = "Location"
    if route.method == "POST" and route.needs != PUBLIC:
        told["Idempotent-Replayed"] = "IdempotentReplayed"
    if route.deprecated:
        told["Deprecation"] = "Deprecation"
    if route.sunset:
        told["Sunset"] = "Sunset"
    return {name: reference("headers", component) for name, component in told.items()}


def _needed(route: Route) -> str:
    if route.needs == PUBLIC:
        return "Nobody needs to be logged in."
    permission = PERMISSIONS[route.needs]
    roles = ", ".join(role for role in ROLES if role in permission.roles)
    return f"Needs the permission `{route.needs}` ({permission.about}); roles that have it: {roles}. {_REACH.get(route.reach, '')}".strip()


def _has_to_be_given(body: type) -> bool:
    """Whether a body has members that must be given; else none at all is taken for an empty one."""
    return any(field.default is attrs.NOTHING for field, _ in fields_of(body))


def _with_example(content: dict[str, Any], example: Any) -> dict[str, Any]:
    return content if example is None else {**content, "example": example}
