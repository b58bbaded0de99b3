"""Many processes of csms, quickly: each is forked from one that has imported everything, which is most of what a start takes.

They are processes like others, with files, signals and an end of their own; what another file of theirs does wrong while it is imported
shows in none of them, so a few tests should start ``python -m csms``.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess

import attrs
import trio

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["csms.testing.warm"])


@attrs.frozen(eq=False, slots=True)
class Forked:
    """A process; ``start`` makes one."""

    _process: BaseProcess

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without any warning."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait for its end; the exit code."""
        await trio.lowlevel.wait_readable(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


async def start(
    program: str, *arguments: str, folder: Path, environ: Mapping[str, str], out: Path | Connection, err: Path | Connection
) -> Forked:
    """Start a module (``csms``) or a script (``/folder/program.py``) in a folder, as ``python -m`` or ``python`` would.

    What it says goes to the end of files, or to pipes of ``pipe``, which are the caller's to close.
    """
    process = _context.Process(target=_be, args=(program, arguments, folder, dict(environ), out, err))
    await trio.to_thread.run_sync(process.start)  # the first one waits until all is imported
    return Forked(process)


async def run(program: str, *arguments: str, folder: Path, environ: Mapping[str, str]) -> CompletedProcess[bytes]:
    """Start one, and wait for its end and what it said; when cancelled it is killed."""
    (heard, out), (complained, err) = pipe(), pipe()
    said: dict[str, bytes] = {}

    async def listen(name: str, stream: trio.lowlevel.FdStream) -> None:
        async with stream:
            said[name] = b"".join([part async for part in stream])

    async with trio.open_nursery() as nursery:
        with out, err:
            process = await start(program, *arguments, folder=folder, environ=environ, out=out, err=err)
        try:
            nursery.start_soon(listen, "out", heard)
            nursery.start_soon(listen, "err", complained)
            code = await process.wait()
        finally:
            process.kill()
    return CompletedProcess([program, *arguments], code, said["out"], said["err"])


def pipe() -> tuple[trio.lowlevel.FdStream, Connection]:
    """Where to read, and an ``out`` or ``err`` of ``start``."""
    reading, writing = _context.Pipe(duplex=False)
    with reading:
        return trio.lowlevel.FdStream(os.dup(reading.fileno())), writing


def _be(
    program: str,
    arguments: tuple[str, ...],
    folder: Path,
    environ: dict[str, str],
    out: Path | Connection,
    err: Path | Connection,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, output in ((1, out), (2, err)):
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if isinstance(output, Path) else output.fileno()
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
