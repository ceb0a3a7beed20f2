"""An export as an answer: streamed, kept nowhere on its way."""

from fastapi.responses import StreamingResponse

from services.intake.deps import AppState
from services.intake.privacy.export import Exporter
from services.intake.privacy.subject_data import SubjectData


def handed_out(parts: AppState, found: SubjectData) -> StreamingResponse:
    """The archive of a person's data as a download; its name does not say whose."""
    headers = {
        "Content-Disposition": f'attachment; filename="requester-{found.requester_id}.zip"',
        "Cache-Control": "no-store",
    }
    content = Exporter(parts.database, parts.storage, parts.pages, parts.digester).stream(found)
    return StreamingResponse(content, headers=headers, media_type="application/zip")
