"""The sink as one application: its SMTP listener lives exactly as long as its pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from deploy.local.mail import smtp
from deploy.local.mail.api import api_router
from deploy.local.mail.pages import pages_router
from deploy.local.mail.settings import MailSinkSettings
from deploy.local.mail.store import MailStore


def create_app(settings: MailSinkSettings) -> FastAPI:
    store = MailStore(settings.mail_dir)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        server = await smtp.listen(store, settings.host, settings.smtp_port)
        try:
            yield
        finally:
            server.close()

    app = FastAPI(title="Everdesk local mail", lifespan=lifespan)
    app.include_router(api_router(store))
    app.include_router(pages_router(store))

    @app.get("/livez")
    @app.get("/healthz")
    def alive() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def ready(response: Response) -> dict[str, str]:
        if store.is_writable():
            return {"status": "ready"}
        response.status_code = 503
        return {"status": "not ready", "storage": "the mail folder cannot be written"}

    return app
