"""Text with `format=flowed` (RFC 3676): paragraphs that were broken into lines for old programs are made whole."""

SIGNATURE = "-- "


def unflowed(text: str, *, is_delsp: bool = False) -> str:
    """Joins each line that ends in a space with the next of the same quote depth, and undoes space-stuffing.

    `is_delsp` says that the space was added for the break and is no part of the text (`delsp=yes`).
    """
    lines: list[str] = []
    pieces: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = _unstuffed(content, depth)
        is_signature = content == SIGNATURE
        if open_depth != depth or is_signature:
            if pieces:
                lines.append("".join(pieces))
            pieces = [f"{'>' * depth} " if depth and content else ">" * depth]
        goes_on = content.endswith(" ") and not is_signature
        pieces.append(content[:-1] if goes_on and is_delsp else content)
        open_depth = depth if goes_on else None
        if open_depth is None:
            lines.append("".join(pieces))
            pieces = []
    return "\n".join([*lines, "".join(pieces)] if pieces else lines)


def _unstuffed(content: str, depth: int) -> str:
    """Without the space put first; it stays where the text would look like a quote without it."""
    if content.startswith(" ") and (depth or not content.startswith(" >")):
        return content[1:]
    return content
