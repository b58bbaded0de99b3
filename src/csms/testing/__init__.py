"""The public test kit: what integrators test their plugins with, and what csms tests itself with."""
