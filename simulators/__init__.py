"""Simulated chargers that speak raw OCPP-J over WebSocket, as a real charger would; they share no code with ``csms``.

``python -m simulators.charger`` is one charger, scripted, interactive or living by itself. ``python -m simulators.fleet`` is
thousands in one process, with a report of what was sent, answered, late and lost. ``python -m simulators.check`` compares what a
fleet was acknowledged with what the server kept. ``python -m simulators.stub`` is a central system that says yes to everything.
"""
