"""Refusals of the API as the portal's pages show them, in the reader's language."""

from shared.kit.http.problems import Problem
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.refusal_texts import COMMON, RefusalTexts

PATTERNS = (
    _("requests from this requester are not accepted"),
    _("this requester has %(limit)s or more open tickets: write on one of them, or wait until one is solved"),
    _("only the person who opened the ticket can do that"),
    _("this link did not come by mail; have one mailed to you under “Check ticket status” and use that"),
    _("this person is not proposed any more; look at the ticket again"),
    _("this is your own address"),
    _("too many people were invited; try again tomorrow"),
    _("choose a file"),
    _("reload the page and choose the files again"),
    _("no file can be taken just now; send your text without, and files later"),
    _("%(name)s is larger than %(size)s MiB"),
    _("%(name)s is a kind of file that is not accepted here; send it another way"),
    _("the file is still being scanned; try again soon"),
    _("the file was found to be dangerous and is not given out"),
    _("a ticket holds at most %(files)s files and %(size)s MiB; leave some out"),
    _("the field %(name)s is larger than %(size)s KiB"),
    _("files cannot be kept at the moment; try again soon"),
    _("what was written on this ticket was erased; open a new one"),
    _("is required"),
    _("is too long: all fields together hold at most %(size)s KiB"),
    _("must be one of its choices: %(choices)s"),
    _("must be a list of its choices: %(choices)s"),
    _("must be ticked"),
    _("must be true or false"),
    _("must be a date, YYYY-MM-DD"),
    _("must be a date, YYYY-MM-DD not below %(low)s"),
    _("must be a date, YYYY-MM-DD not above %(high)s"),
    _("must be a date, YYYY-MM-DD from %(low)s to %(high)s"),
    _("must be a number"),
    _("must be a number not below %(low)s"),
    _("must be a number not above %(high)s"),
    _("must be a number from %(low)s to %(high)s"),
    _("must be a whole number"),
    _("must be a whole number not below %(low)s"),
    _("must be a whole number not above %(high)s"),
    _("must be a whole number from %(low)s to %(high)s"),
    _("must be one line of at most %(count)s characters"),
    _("must be text of at most %(count)s characters"),
    _("must be an e-mail address, like name@example.com"),
    _("must be a telephone number of digits, like +49 30 1234567"),
    _("must be one file"),
    _("must be at most %(count)s files"),
    *COMMON,
)
_TEXTS = RefusalTexts(PATTERNS)


def refusal_text(sentence: str) -> str:
    """Returns the sentence of a refusal in the current language; a sentence without a pattern stays as it is."""
    return _TEXTS.text_of(sentence)


def problem_text(problem: Problem) -> str:
    """Returns what a page says about a problem: a sentence without its full stop."""
    text = refusal_text(problem.detail)
    return text[:1].upper() + text[1:]
