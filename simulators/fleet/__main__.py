"""``python -m simulators.fleet``."""

from simulators.command import run
from simulators.fleet.command_line import command

run(command)
