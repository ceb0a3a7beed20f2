"""Writing to a process that may have ended by now."""

import asyncio


async def write_to_process(stdin: asyncio.StreamWriter, *pieces: bytes) -> None:
    """Writes until the process has read enough. Raises ConnectionError if it has ended.

    Where asyncio's own loop passes over what is written to a process whose end it has seen, or says ConnectionError,
    uvloop says RuntimeError.
    """
    try:
        for piece in pieces:
            stdin.write(piece)
        await stdin.drain()
    except RuntimeError as error:
        raise ConnectionResetError("the process has ended") from error
