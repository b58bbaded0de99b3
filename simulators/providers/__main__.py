"""``python -m simulators.providers``."""

from simulators.command import run
from simulators.providers.command_line import command

run(command)
