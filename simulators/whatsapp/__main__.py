"""``python -m simulators.whatsapp``."""

from simulators.command import run
from simulators.whatsapp.command_line import command

run(command)
