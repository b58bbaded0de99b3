"""A program that reads an image from its input and writes its size and a thumbnail: run as a process of its own (``pictures``).

It imports nothing of csms, so that it starts fast, and limits itself before it reads a byte of the image.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress

LARGEST_SIDE = 320
MEMORY_BYTES = 1_500_000_000
CPU_S = 10
NO_IMAGE = 3


def limit() -> None:
    """Let this process have no more than an honest image needs, where the system can see to that."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main(most_pixels: int) -> int:
    """Write a line of JSON, then the thumbnail as WebP."""
    limit()
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked below, before anything is decoded
    content = sys.stdin.buffer.read()
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
            width, height = image.size
            if width * height > most_pixels:
                sys.stderr.write(f"{width} x {height} pixels are more than {most_pixels}\n")
                return NO_IMAGE
            image.draft("RGB", (LARGEST_SIDE * 2, LARGEST_SIDE * 2))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
            shown = small.convert("RGBA" if small.mode in ("RGBA", "LA", "PA", "P") else "RGB")
    except (OSError, ValueError, SyntaxError, MemoryError, KeyError, EOFError) as error:  # what Pillow's readers raise
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return NO_IMAGE
    made = io.BytesIO()
    shown.save(made, "WEBP", quality=75)
    sys.stdout.buffer.write(json.dumps({"width": width, "height": height}).encode() + b"\n" + made.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
