"""``python -m simulators.smtp``."""

from simulators.command import run
from simulators.smtp.command_line import command

run(command)
