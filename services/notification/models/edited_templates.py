"""The table of edited mail templates: every version is a row that is never changed."""

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text, func

from shared.kit.tables import NAMING

EDITED_TEMPLATES = MetaData(naming_convention=NAMING)

mail_template_versions = Table(
    "mail_template_versions",
    EDITED_TEMPLATES,
    Column("template", String(64), primary_key=True),
    Column("language", String(35), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text),
    Column("html", Text),
    Column("text", Text),
    Column("author_id", String(64), nullable=False),
    Column("author_name", String(255), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""The highest version is in force; one without content stands for the shipped default."""


def add_edited_template_tables(metadata: MetaData) -> None:
    """Makes the table part of the service's schema."""
    mail_template_versions.to_metadata(metadata)
