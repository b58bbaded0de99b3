"""``python -m simulators.s3``."""

from simulators.command import run
from simulators.s3.command_line import command

run(command)
