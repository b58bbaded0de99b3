"""A charger at the prompt: the verbs of scripts, one a line."""

from __future__ import annotations

import os

import trio

from .script import VERBS, ScriptError, Stage, parse

STDIN = 0
HELP = "\n".join(
    ["Verbs (times are seconds, N is a connector):"]
    + [f"  {name + ' ' + verb.usage:58} {verb.text}" for name, verb in VERBS.items()]
    + ["  help, quit"]
)


class Lines:
    """The lines of the standard input, read past its buffer: a reader that is given up must not hold the buffer's lock at exit."""

    def __init__(self) -> None:
        self._read = b""
        self._ended = False

    async def next(self) -> str | None:
        """The next line, or None at the end."""
        while b"\n" not in self._read and not self._ended:
            more = await trio.to_thread.run_sync(os.read, STDIN, 65_536, abandon_on_cancel=True)
            self._read += more
            self._ended = not more
        if not self._read:
            return None
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace")


async def converse(stage: Stage) -> None:
    """Read lines and do what they say, until ``quit`` or the end of the input."""
    print("Type help for the verbs, quit to end.", flush=True)
    lines = Lines()
    while True:
        if os.isatty(STDIN):
            print("> ", end="", flush=True)
        line = await lines.next()
        match "quit" if line is None else line.strip():
            case "help" | "?":
                print(HELP, flush=True)
            case "quit" | "exit":
                return
            case text:
                try:
                    for step in parse(text):
                        await stage.play(step)
                except ScriptError as wrong:
                    print(f"error: {wrong}", flush=True)
