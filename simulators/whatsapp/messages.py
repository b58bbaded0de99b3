"""Messages as they are sent: what of a body must be there, and what a person would read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from simulators.web import Json

from .problems import PARAMETER, TEMPLATE_MISSING, TEMPLATE_PARAMETERS, UNSUPPORTED, refused

MEDIA = ("image", "document", "video", "audio", "sticker")
LONGEST_TEXT = 4096
LONGEST_BODY = 1024
LONGEST_BUTTON = 20
_NUMBER = re.compile(r"\+?\d{6,15}")


def recipient(body: Json) -> str:
    """To whom: digits, as WhatsApp writes numbers. Raises ``Failed``."""
    if body.get("messaging_product") != "whatsapp":
        raise refused(PARAMETER, "messaging_product must be whatsapp")
    number = str(body.get("to", "")).replace(" ", "")
    if _NUMBER.fullmatch(number) is None:
        raise refused(PARAMETER, "to must be a telephone number")
    return number.lstrip("+")


def read(body: Json, templates: Mapping[tuple[str, str], int], media: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of a message, and its words. Raises ``Failed`` for what WhatsApp would not take."""
    kind = str(body.get("type", "text"))
    said = body.get(kind)
    if kind not in ("text", "template", "interactive", *MEDIA):
        raise refused(UNSUPPORTED, f"type {kind} is not supported")
    if not isinstance(said, dict):
        raise refused(PARAMETER, f"{kind} is required")
    match kind:
        case "text":
            return kind, _words(said, "body", most=LONGEST_TEXT)
        case "template":
            return kind, _template(said, templates)
        case "interactive":
            return kind, _interactive(said)
    return kind, _media(kind, said, media)


def _words(said: Json, name: str, *, most: int) -> str:
    words = said.get(name)
    if not isinstance(words, str) or not 1 <= len(words) <= most:
        raise refused(PARAMETER, f"{name} must be a text of 1 to {most} characters")
    return words


def _template(said: Json, templates: Mapping[tuple[str, str], int]) -> str:
    name = _words(said, "name", most=512)
    language = said.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise refused(PARAMETER, "template.language.code is required")
    components = said.get("components") or []
    if not isinstance(components, list) or not all(isinstance(each, dict) for each in components):
        raise refused(PARAMETER, "template.components must be a list of objects")
    shown = [f"{name} ({language['code']})"]
    for component in components:
        parameters = component.get("parameters") or []
        if not all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in parameters):
            raise refused(PARAMETER, "each parameter must have a type")
        if component.get("type") == "body" and any(each["type"] == "text" and not each.get("text") for each in parameters):
            raise refused(PARAMETER, "a parameter's text must not be empty")
        shown.append(f"{component.get('type')}: " + ", ".join(str(each.get("text") or each["type"]) for each in parameters))
    if templates:
        key = (name, language["code"])
        if key not in templates:
            raise refused(TEMPLATE_MISSING, f"template name ({name}) does not exist in {language['code']}")
        given = sum(len(each.get("parameters") or ()) for each in components if each.get("type") == "body")
        if given != templates[key]:
            raise refused(TEMPLATE_PARAMETERS, f"body: number of params ({given}) does not match the expected ({templates[key]})")
    return "\n".join(shown)


def _interactive(said: Json) -> str:
    inner, action = said.get("body"), said.get("action")
    if not isinstance(inner, dict) or not isinstance(action, dict):
        raise refused(PARAMETER, "interactive.body and interactive.action are required")
    words = [_words(inner, "text", most=LONGEST_BODY)]
    match said.get("type"):
        case "cta_url":
            parameters = action.get("parameters")
            if action.get("name") != "cta_url" or not isinstance(parameters, dict):
                raise refused(PARAMETER, "interactive.action must be a cta_url with parameters")
            label = _words(parameters, "display_text", most=LONGEST_BUTTON)
            url = _words(parameters, "url", most=2000)
            if not url.startswith(("http://", "https://")):
                raise refused(PARAMETER, "url must begin with http:// or https://")
            words.append(f"[{label}] {url}")
        case "button":
            buttons = action.get("buttons")
            if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
                raise refused(PARAMETER, "interactive.action.buttons must be one to three")
            words += [f"[{_words(each.get('reply') or {}, 'title', most=LONGEST_BUTTON)}]" for each in buttons]
        case kind:
            raise refused(UNSUPPORTED, f"interactive type {kind} is not supported")
    return "\n".join(words)


def _media(kind: str, said: Json, media: Mapping[str, Any]) -> str:
    known, url = said.get("id"), said.get("link")
    if (known is None) == (url is None):
        raise refused(PARAMETER, f"{kind} must have either an id or a link")
    if known is not None and str(known) not in media:
        raise refused(PARAMETER, f"media {known} does not exist")
    return "\n".join(str(said[name]) for name in ("filename", "caption", "link") if said.get(name))
