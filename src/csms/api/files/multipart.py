"""The file inside a ``multipart/form-data`` body (RFC 7578), as it arrives: some chargers send logs the way browsers do."""

from __future__ import annotations

from collections.abc import AsyncIterator

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

MOST_PARTS = 20
MOST_HELD_BYTES = 1024 * 1024
"""Of headers, or of what might become a boundary."""
MOST_FIELD_BYTES = 64 * 1024
"""Of all fields together that are kept."""


class Malformed(ValueError):
    """The body is not what its type says."""


class FilePart:
    """The first file of a form: ``name`` is known once its first piece was read.

    Other fields are skipped, or with ``keep_fields`` to be found in ``fields`` once they were read.
    """

    def __init__(self, content_type: str, *, keep_fields: bool = False) -> None:
        """Raises ``Malformed`` without a boundary."""
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        if not boundary or len(boundary) > 200 or not boundary.isascii():
            raise Malformed("multipart without a boundary")
        self._decoder = MultipartDecoder(boundary.encode(), MOST_HELD_BYTES, max_parts=MOST_PARTS)
        self._keep_fields = keep_fields
        self._field_bytes = 0
        self.name = ""
        self.found = False
        self.fields: dict[str, str] = {}

    async def pieces(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes. Reads the body to its end. Raises ``Malformed``."""
        inside = False
        field: str | None = None
        held = bytearray()
        try:
            async for data in body:
                self._decoder.receive_data(data)
                while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                    match event:
                        case File(filename=name) if not self.found:
                            self.name, self.found, inside = name, True, True
                        case Field(name="file") if not self.found:
                            self.found = inside = True
                        case Field(name=called) if self._keep_fields:
                            inside, field = False, called
                        case File() | Field():
                            inside, field = False, None
                        case Data(data=piece) if inside and piece:
                            yield piece
                        case Data(data=piece, more_data=more) if field is not None and not inside:
                            held += self._counted(piece)
                            if not more:
                                self.fields[field] = held.decode()
                                held.clear()
            self._decoder.receive_data(None)
            while not isinstance(self._decoder.next_event(), Epilogue):
                pass
        except (ValueError, UnicodeDecodeError, RequestEntityTooLarge, AttributeError) as error:
            # the decoder takes a header's well-formedness for granted here and there
            raise Malformed(f"not multipart/form-data: {error}") from None
        if not self.found:
            raise Malformed("there is no file in the form")

    def _counted(self, piece: bytes) -> bytes:
        self._field_bytes += len(piece)
        if self._field_bytes > MOST_FIELD_BYTES:
            raise ValueError(f"its fields have more than {MOST_FIELD_BYTES} bytes")
        return piece
