"""``python -m simulators.razorpay``."""

from simulators.command import run
from simulators.razorpay.command_line import command

run(command)
