"""Verbs and questions of the analytics slice."""
