"""SQL of invoices, settlements and tax summaries."""
