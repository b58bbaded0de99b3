"""Certificates: reading, checking and issuing X.509, with the ``cryptography`` library. Synchronous; flows run it in threads.

``certificates`` reads them, ``requests`` reads what chargers want signed, ``hashes`` names them as OCPP does, ``chains`` finds the way to
a trusted root, ``issuing`` builds them, ``authority`` is the built-in certificate authority, ``firmware`` checks signed firmware.
"""
