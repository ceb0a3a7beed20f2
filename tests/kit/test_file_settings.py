"""A secret may come from a file that the environment names, and from one place only."""

from pathlib import Path

import pytest

from services.notification.settings import NotificationSettings
from shared.kit.settings import Settings

SECRET = "from-a-mounted-secret"


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVERDESK_LINK_SECRET", raising=False)
    file = tmp_path / "link"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    return file


def test_a_setting_is_read_from_its_file_without_the_last_line_end(
    secret_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tmp_path / "url"
    url.write_text("postgresql+asyncpg://notification:a@db/notification", encoding="utf-8")
    monkeypatch.delenv("EVERDESK_DATABASE_URL", raising=False)
    monkeypatch.setenv("EVERDESK_LINK_SECRET_FILE", str(secret_file))
    monkeypatch.setenv("EVERDESK_DATABASE_URL_FILE", str(url))
    settings = NotificationSettings()
    assert settings.link_secret.get_secret_value() == SECRET
    assert settings.database_url.get_secret_value().endswith("@db/notification")


def test_two_places_and_a_missing_file_are_refused_by_name(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERDESK_LINK_SECRET_FILE", str(secret_file.with_name("nowhere")))
    with pytest.raises(ValueError, match=r"EVERDESK_LINK_SECRET_FILE cannot be read"):
        Settings()
    monkeypatch.setenv("EVERDESK_LINK_SECRET_FILE", str(secret_file))
    monkeypatch.setenv("EVERDESK_LINK_SECRET", "another-secret-of-ours")
    with pytest.raises(ValueError, match=r"EVERDESK_LINK_SECRET and EVERDESK_LINK_SECRET_FILE are both set"):
        Settings()
