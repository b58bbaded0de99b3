"""``python -m simulators.check``."""

from simulators.check.command_line import command
from simulators.command import run

run(command)
