"""SCIM error responses (RFC 7644, section 3.12)."""

from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/scim+json"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimRefusal(Exception):
    """A refused request with its status and scimType."""

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.kind = status, detail, kind


def bad_request(kind: str, detail: str) -> ScimRefusal:
    """Status 400 with one of the scimTypes."""
    return ScimRefusal(400, detail, kind)


def no_such(what: str) -> ScimRefusal:
    """Status 404: there is no such resource."""
    return ScimRefusal(404, f"there is no such {what}")


def error_response(status: int, detail: str, kind: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """The refusal as an HTTP response."""
    body: dict[str, Any] = {"schemas": [ERROR_SCHEMA], "status": str(status), "detail": detail}
    if kind:
        body["scimType"] = kind
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)
