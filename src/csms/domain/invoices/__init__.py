"""Invoices, credit notes and receipts: numbered without gaps, issued once, never changed; and what partners are due."""
