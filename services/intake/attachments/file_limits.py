"""What a file may be that somebody sends in; apart from what takes it in, for the settings say it."""

from dataclasses import dataclass

from services.intake.attachments.file_names import extension_of

EXECUTABLE_TYPES = frozenset(("application/vnd.microsoft.portable-executable", "application/x-executable"))


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one file may be."""

    max_bytes: int
    refused_extensions: frozenset[str]
    takes_macros: bool = False

    def refuses(self, name: str, media_type: str, *, has_macros: bool) -> bool:
        """Whether a file of this kind is not let in."""
        is_program = extension_of(name) in self.refused_extensions or media_type in EXECUTABLE_TYPES
        return is_program or (has_macros and not self.takes_macros)
