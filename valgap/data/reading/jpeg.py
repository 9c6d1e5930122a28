"""What a JPEG's segments tell of parts that are missing, and a trial that tells whether its decoder ran out of data.

libjpeg (jdhuff.c, jdphuff.c) fills up with zeros where a marker comes before the data of a scan are complete: mid grey,
or coefficients without their last bits. It warns, but Pillow passes no warning on. So the trial: with more data before
that marker, an image that was complete stays the same, for they are passed over, and another one changes.
"""

import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image

FRAMES = {0xC0, 0xC1, 0xC2, 0xC3}  # markers, ITU T.81, table B.1: Huffman-coded frames, one of which is progressive
PROGRESSIVE, SCAN, END = 0xC2, 0xDA, 0xD9
AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # a marker that is no restart of the scan, B.1.1.5
COEFFICIENTS = 64  # of a block
NOISE = np.random.default_rng(0).integers(0, 255, 1024, dtype=np.uint8).tobytes()  # bytes without 0xFF, as good as any
# Data for a scan that lacks some, and for its next restart, one of RST0 to RST7, where it lacks all of that.
MORE = NOISE + b"".join(bytes([0xFF, restart]) + NOISE for restart in range(0xD0, 0xD8))


def segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and end of each segment up to the end mark, which is the last where there is one."""
    place = 2
    while place <= len(content) - 2 and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # fills up
            place += 1
            continue
        if marker == END:
            yield marker, b"", place + 2
            return
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        yield marker, content[place + 4 : end], end
        place = _data_end(content, end) if marker == SCAN else end


def has_end(content: bytes) -> bool:
    """Whether there is an end mark; that of a preview inside is none."""
    return any(marker == END for marker, _, _ in segments(content))


def lacks_scans(content: bytes) -> bool:
    """Whether a component comes in no scan, or a progressive file's first one not to the last bit of its coefficients.

    ITU T.81, B.2.2 and B.2.3: a frame lists its components, each scan its own, their band of coefficients and the
    lowest bit that it sends.
    """
    components, sent, progressive = b"", set[int](), False
    lowest = np.full(COEFFICIENTS, 99)
    for marker, body, _ in segments(content):
        if marker in FRAMES and len(body) > 6 and not components:
            components, progressive = body[6::3][: body[5]], marker == PROGRESSIVE
        if marker == SCAN and len(body) >= 4 and components:
            of = body[1 : 1 + 2 * body[0] : 2]
            sent |= set(of)
            if components[0] in of:
                lowest[body[-3] : body[-2] + 1] = body[-1] & 15
    missing = bool(sent) and not set(components) <= sent
    return missing or (progressive and bool((lowest != 0).any()))


def wants_more(content: bytes, image: Image.Image) -> bool:
    """Whether the file's decoded `image` changes where its last scan gets more data: then it had not enough."""
    last = max((end for marker, _, end in segments(content) if marker == SCAN), default=0)
    if not last:
        return False
    place = _data_end(content, last)
    with Image.open(io.BytesIO(content[:place] + MORE + content[place:]), formats=("JPEG",)) as again:
        try:
            again.load()
        except OSError:  # what was put in broke the coding itself: it was read
            return True
        return not np.array_equal(np.asarray(image), np.asarray(again))


def _data_end(content: bytes, start: int) -> int:
    """Where the data of a scan end: at the next marker, or with the file."""
    found = AFTER_SCAN.search(content, start)
    return found.start() if found else len(content)
