"""Which mails people want to get."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class MailPreference(Base):
    """What the owner of an address chose; without a row, everything."""

    __tablename__ = "mail_preferences"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A digest of the address: nobody is named here, so the choice outlives an erasure."""
    wanted: Mapped[str] = mapped_column(String(16))
    """`all`, `replies` or `none`."""
    changed_at: Mapped[datetime]
