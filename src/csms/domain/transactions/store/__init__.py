"""SQL of the transactions slice: ``rows`` (transactions), ``steps``, ``readings``, ``audit`` and, for operators, ``lists``."""
