"""A charger at the prompt: the verbs of scripts, one a line."""

from __future__ import annotations

import sys

import trio

from .script import VERBS, ScriptError, Stage, parse

HELP = "\n".join(
    ["Verbs (times are seconds, N is a connector):"]
    + [f"  {name + ' ' + verb.usage:58} {verb.text}" for name, verb in VERBS.items()]
    + ["  help, quit"]
)


async def converse(stage: Stage) -> None:
    """Read lines from the terminal and do what they say, until ``quit`` or the end of the input."""
    print("Type help for the verbs, quit to end.", flush=True)
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        match line.strip():
            case "help" | "?":
                print(HELP, flush=True)
            case "quit" | "exit":
                return
            case text:
                if not line:
                    return
                try:
                    for step in parse(text):
                        await stage.play(step)
                except ScriptError as wrong:
                    print(f"error: {wrong}", flush=True)
