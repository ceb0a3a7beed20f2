"""What mails call the help desk."""

from services.notification.settings import NotificationSettings
from shared.kit.organisation_name import OrganisationName

PRODUCT = "Everdesk"


class SenderName:
    """The name that `mail_from` gives; where it is the product's own, the organisation's, once that has one."""

    def __init__(self, settings: NotificationSettings, organisation: OrganisationName | None = None) -> None:
        self._set = settings.mail_name
        self._organisation = organisation

    @property
    def text(self) -> str:
        """The name to write into the next mail."""
        named = self._organisation.whole if self._organisation else ""
        return named if named and self._set == PRODUCT else self._set
