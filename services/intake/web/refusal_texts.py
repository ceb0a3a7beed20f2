"""Refusals of the API as the portal's pages show them, in the reader's language."""

from shared.kit.http.problems import Problem
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.refusal_texts import COMMON, OF_SUBMISSIONS, RefusalTexts

PATTERNS = (
    _("this requester has %(limit)s or more open tickets: write on one of them, or wait until one is solved"),
    _("only the person who opened the ticket can do that"),
    _("this link did not come by mail; have one mailed to you under “Check ticket status” and use that"),
    _("this person is not proposed any more; look at the ticket again"),
    _("this is your own address"),
    _("too many people were invited; try again tomorrow"),
    _("choose a file"),
    _("reload the page and choose the files again"),
    _("the file is still being scanned; try again soon"),
    _("the file was found to be dangerous and is not given out"),
    _("the field %(name)s is larger than %(size)s KiB"),
    _("only colleagues of the person who opened the ticket can follow it"),
    _("follow this ticket first; then you can write on it"),
    _("this link does not open a ticket any more"),
    _("nobody was asked to rate this"),
    _("the time for rating this is over"),
    _("there is no such file"),
    _("there is no such ticket"),
    _("there is no such topic"),
    _("must not name a file twice"),
    _("must be a list of the ids of uploaded files"),
    _("too many streams are open; try again"),
    _("the form breaks off before its end"),
    _("the form cannot be read: %(reason)s"),
    _("the field %(name)s is not UTF-8 text"),
    _("the request is larger than %(size)s KiB"),
    _("the body came too slowly; send the same request again"),
    _("the ticket is at revision %(revision)s, not %(expected)s; look at it again"),
    _("the page was open too long or did not come from here; reload it and try again"),
    _("this Idempotency-Key was used with another body; make a new key"),
    _("a request with this Idempotency-Key is still running"),
    _("the ticket's workflow did not answer in time; send the same request again"),
    _("the database does not answer; send the same request again"),
    _("this is our fault; the request id helps us to find it"),
    *OF_SUBMISSIONS,
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
