"""Checks answers against the OpenAPI document: what a server says is what its description promises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from csms.api_pages import described
from csms.config import Config

_PARAMETER = re.compile(r"\\{\w+\\}")


@cache
def usual_document() -> Mapping[str, Any]:
    """The document of a server without plugins."""
    made: dict[str, Any] = json.loads(json.dumps(described(Config()).document()))
    return made


class Promise:
    """What a document promises. ``broken`` says in words what an answer does otherwise."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validators: dict[str, Any] = {}
        paths = sorted(document["paths"], key=lambda path: (path.count("{"), path))  # what is said literally wins
        self._paths = [(re.compile(_PARAMETER.sub("[^/]+", re.escape(path))), path) for path in paths]

    def broken(self, method: str, path: str, status: int, content_type: str, body: bytes) -> str:
        """What is wrong with an answer, "" for nothing; about paths that are not described nothing is promised."""
        template = next((each for form, each in self._paths if form.fullmatch(path)), "")
        operation = self._document["paths"].get(template, {}).get(method.lower())
        if operation is None or status == 405:
            return ""
        told = operation["responses"].get(str(status))
        where = f"{method} {template}"
        if told is None:
            return f"{where} answered {status}, which is not described: {body[:200]!r}"
        content = self._resolved(told).get("content", {})
        kind = content_type.partition(";")[0]
        if not content:
            return "" if not body else f"{where} answered {status} with a body, and none is described"
        if kind not in content and "*/*" not in content:
            return f"{where} answered {status} as {kind or 'nothing'}, and described is {', '.join(content)}"
        schema = content.get(kind, {}).get("schema")
        if not schema or not kind.endswith("json"):
            return ""
        key = f"{where} {status}"
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator({**schema, "components": self._named_in(schema)})
        error = next(self._validators[key].iter_errors(json.loads(body)), None)
        if error is None:
            return ""
        return f"{where} {status}: {'.'.join(map(str, error.instance_path)) or 'the answer'}: {error.message[:300]}"

    def _named_in(self, schema: Any) -> Mapping[str, Any]:
        """The components that a schema needs. A validator keeps a copy of what it is given, and there are hundreds of both."""
        needed: dict[str, dict[str, Any]] = {}
        todo = [schema]
        while todo:
            node = todo.pop()
            if isinstance(node, list):
                todo += node
            elif isinstance(node, dict):
                todo += node.values()
                if isinstance(where := node.get("$ref"), str):
                    kind, name = where.removeprefix("#/components/").split("/")
                    if name not in (named := needed.setdefault(kind, {})):
                        named[name] = self._document["components"][kind][name]
                        todo.append(named[name])
        return needed

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node
