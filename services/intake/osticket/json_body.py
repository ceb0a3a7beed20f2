"""A JSON body as old clients write it."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.intake.osticket.decoding import NotBase64, read_data_url
from services.intake.osticket.refusals import unreadable
from services.intake.osticket.request_model import OldRequest, SentFile, Text, Value, text_of
from shared.kit.http.strict_json import read_json

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OWN = ("message", "alert", "autorespond", "attachments")
"""What is read in a way of its own."""


def read_json_body(raw: bytes) -> OldRequest:
    """What the client sent. Raises Problem 400 for what is no JSON object, or an empty one."""
    body = read_json(raw.removeprefix(BYTE_ORDER_MARK))
    if not isinstance(body, dict) or not body:
        raise unreadable("a JSON object with the ticket's fields is needed")
    message, defects = _message(body.get("message"))
    return OldRequest(
        values={name: value for name, sent in body.items() if name not in OWN and (value := _value(sent)) is not None},
        message=message,
        alert=_is_true(body.get("alert")),
        acknowledge=_is_true(body.get("autorespond")),
        files=tuple(_files(body.get("attachments"))),
        defects=defects,
    )


def _value(sent: Any) -> Value | None:
    """None for what no field could hold."""
    match sent:
        case str() | int() | float():
            return sent
        case list() if all(isinstance(item, (str, int, float)) for item in sent):
            return [str(item) for item in sent]
        case dict() if all(isinstance(item, (str, int, float)) for item in sent.values()):
            return [str(key) for key in sent]
    return None


def _is_true(sent: Any) -> bool:
    """What PHP takes for true, so the text "false" is; a missing flag is, too."""
    return sent is None or (bool(sent) and sent != "0")


def _message(sent: Any) -> tuple[Text | None, Mapping[str, str]]:
    if not isinstance(sent, (str, int, float)):
        return None, {} if sent is None else {"message": "must be text"}
    content = read_data_url(str(sent))
    try:
        return text_of(content.media_type, content.as_text()), {}
    except NotBase64 as wrong:
        return None, {"message": str(wrong)}


def _files(sent: Any) -> Iterator[SentFile]:
    """A list of objects with one name each; one object with many names is understood as well."""
    for item in sent if isinstance(sent, list) else [sent] if sent else []:
        if not isinstance(item, dict):
            yield SentFile("attachment", defect="is not an object {name: data URL}")
            continue
        for name, content in item.items():
            yield _file(name, content)


def _file(name: str, sent: Any) -> SentFile:
    if not isinstance(sent, str):
        return SentFile(name, defect="is not a text or data URL")
    content = read_data_url(sent)
    try:
        return SentFile(name, content.as_bytes(), content.media_type)
    except NotBase64 as wrong:
        return SentFile(name, defect=str(wrong))
