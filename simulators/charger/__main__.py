"""``python -m simulators.charger``."""

from simulators.charger.command_line import command
from simulators.command import run

run(command)
