"""Small HTML pages of the stubs: tables, forms and buttons, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1c1c1c }}
table {{ border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }} th, td {{ border-bottom: 1px solid #ddd; padding: .3rem .6rem;
text-align: left; vertical-align: top; overflow-wrap: anywhere }} form {{ display: inline }} button {{ padding: .3rem .8rem; margin: .15rem }}
pre {{ white-space: pre-wrap }} .note {{ color: #666 }}</style></head><body><h1>{title}</h1>{body}</body></html>"""


def page(title: str, *pieces: str) -> str:
    """A whole page; the pieces are HTML."""
    return _PAGE.format(title=escape(title), body="\n".join(pieces))


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def heading(words: str) -> str:
    """A heading."""
    return f"<h2>{escape(words)}</h2>"


def link(url: str, words: str = "") -> str:
    """A link; only to the web, or to this stub."""
    if not url.startswith(("http://", "https://", "/")):
        return escape(words or url)
    return f'<a href="{escape(url)}">{escape(words or url)}</a>'


def button(url: str, words: str, values: Mapping[str, str]) -> str:
    """A button that posts values."""
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in values.items())
    return f'<form method="post" action="{escape(url)}">{hidden}<button>{escape(words)}</button></form>'


def cells(*words: object) -> list[str]:
    """Escaped cells of a row."""
    return [escape(str(word)) for word in words]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; heads are text, cells are HTML (see ``cells``)."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return '<p class="note">nothing yet</p>'
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
