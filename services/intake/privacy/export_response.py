"""An export as an answer: streamed, kept nowhere on its way."""

from fastapi.responses import StreamingResponse

from services.intake.privacy.export import Exporter
from services.intake.privacy.subject_data import SubjectData


def export_response(exporter: Exporter, found: SubjectData) -> StreamingResponse:
    """The archive of a person's data as a download; its name does not say whose."""
    headers = {
        "Content-Disposition": f'attachment; filename="requester-{found.requester_id}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(exporter.stream(found), headers=headers, media_type="application/zip")
