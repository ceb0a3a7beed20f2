"""`python -m tests.translations`: brings the catalogues up to date, and lists what is not translated."""

from shared.kit.i18n.languages import LANGUAGES, PSEUDO_TAG
from tests.translations.checks import problems_of
from tests.translations.extraction import updated, write

if __name__ == "__main__":
    for tag in LANGUAGES:
        if tag not in ("en", PSEUDO_TAG):
            write(tag)
            print("\n".join(problems_of(updated(tag))) or f"{tag}: complete")
