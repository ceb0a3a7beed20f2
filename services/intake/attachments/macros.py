"""Finds macros in office files by the names of their parts, whatever the file is called. Pure, without unpacking."""

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_MARKS = {
    # Names of parts stand uncompressed in a ZIP: Office's own, and OpenDocument's libraries of Basic and scripts.
    _ZIP: (b"vbaProject.bin", b"vbaData.xml", b"xl/macrosheets/", b"Basic/script-lc.xml", b"Basic/Standard/"),
    # The storage of the old formats, whose names are in UTF-16.
    _OLE: ("_VBA_PROJECT".encode("utf-16-le"),),
}
_LONGEST = max(len(mark) for marks in _MARKS.values() for mark in marks)


class MacroDetector:
    """Looks at a file as it passes, chunk by chunk."""

    def __init__(self) -> None:
        self.has_macros = False
        self._marks: tuple[bytes, ...] | None = None
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Looks at the next bytes of the file."""
        window = self._tail + chunk
        if self._marks is None:
            if len(window) < len(_ZIP):
                self._tail = window
                return
            self._marks = _MARKS.get(window[: len(_ZIP)], ())
        if self._marks and not self.has_macros:
            self.has_macros = any(mark in window for mark in self._marks)
            self._tail = window[-_LONGEST:]
