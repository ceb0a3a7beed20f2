"""The migration step that removes our personal links from rows stored before links were removed on arrival."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from pydantic import JsonValue, ValidationError

from shared.contracts.events import Envelope
from shared.contracts.redaction import redacted, redacted_bytes, redacted_json

BATCH = 500


def redact_rows(
    table: str,
    key: Sequence[str],
    texts: Sequence[str],
    values: Sequence[str] = (),
    raw: Sequence[str] = (),
    events: Sequence[str] = (),
    but: str | None = None,
) -> None:
    """Goes through a table in the order of its key, some rows at a time; only rows that hold a link are written.

    `texts` are columns of text, `values` of JSON, `raw` of bytes, `events` of envelopes; rows whose first key is like
    `but` are left out. A row that is clean stays as it is, so that an interrupted migration can be started again. What
    was rendered of a changed body is made anew when it is shown.
    """
    clean: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(texts, redacted),
        **dict.fromkeys(values, _values),
        **dict.fromkeys(events, _event),
        **dict.fromkeys(raw, lambda content: redacted_bytes(bytes(content))),
    }
    bind = op.get_bind()
    rows = sa.Table(table, sa.MetaData(), autoload_with=bind)
    keys = [rows.c[name] for name in key]
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*keys, *(rows.c[name] for name in clean)).order_by(*keys).limit(BATCH)
        if but is not None:
            query = query.where(keys[0].not_like(but))
        if after is not None:
            query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(one) for one in after)))
        page = bind.execute(query).mappings().all()
        for row in page:
            _write(bind, rows, key, row, clean)
        if len(page) < BATCH:
            return
        after = tuple(page[-1][name] for name in key)


def redact_waiting_events() -> None:
    """The same for events that are not published yet: what people wrote in them, as the event's own fields tell."""
    redact_rows("outbox", ["id"], [], events=["envelope"])


def _event(written: bytes) -> bytes:
    """An envelope anew; as it is if this version does not know its event, which nobody here could read either."""
    content = bytes(written)
    try:
        envelope = Envelope.model_validate_json(content)
        data = envelope.open().model_dump(mode="json")
    except (KeyError, ValidationError):
        return content
    return content if data == envelope.data else envelope.model_copy(update={"data": data}).model_dump_json().encode()


def _write(
    bind: sa.Connection, rows: sa.Table, key: Sequence[str], row: Any, clean: dict[str, Callable[[Any], Any]]
) -> None:
    held = {name: row[name] for name in clean if row[name] is not None}
    changed: dict[str, Any] = {name: new for name, old in held.items() if (new := clean[name](old)) != old}
    if not changed:
        return
    if "rendered" in rows.c:
        changed |= {"rendered": None, "renderer": None}
    same = (rows.c[name] == row[name] for name in key)
    bind.execute(sa.update(rows).where(*same).values(changed))


def _values(value: JsonValue) -> JsonValue:
    return redacted_json(value)
