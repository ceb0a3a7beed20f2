"""`python -m tests.docs`: writes the pages that are made of the code anew."""

from tests.docs.settings_page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page())
