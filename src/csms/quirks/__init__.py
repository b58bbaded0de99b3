"""Which kinds of chargers have which quirks: the book that comes with csms, and the pages that an installation adds to it."""

from .book import Book, Entry, QuirkError, load

__all__ = ["Book", "Entry", "QuirkError", "load"]
