"""SQL of the transactions slice: ``rows`` and ``progress`` (transactions), ``steps``, ``readings``, ``audit``, and ``lists`` for operators."""
