"""Reading a mail: bytes to text, files and headers. Pure: no I/O, no clock."""
