"""``python -m simulators.sms``."""

from simulators.command import run
from simulators.sms.command_line import command

run(command)
