"""OCPP without I/O: text in, effects out. A ``Dialect`` says what a version's words mean; a ``Conversation`` keeps one charger's order."""
