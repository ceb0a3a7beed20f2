"""HTML of mails: made safe, its pictures bound, its quotes cut, and read as text."""

import pytest

from services.intake.mail.parsing.html_parser import read_html
from services.intake.mail.parsing.html_sanitizer import is_digestible, safe_html, with_attachments
from services.intake.mail.parsing.parser import read_mail
from shared.kit.user_content.limits import stripped
from tests.unit.mail.sample_mails import letter

GMAIL = """\
<div dir="ltr">It works now.<br>Dana</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr"
class="gmail_attr">On Tue, Mar 1, 2011 at 6:02 PM Help &lt;<a href="mailto:help@bank.example">help@bank.example</a>&gt;
wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">Does it work?</blockquote></div>"""
GMAIL_INLINE = """\
<div class="gmail_quote"><div class="gmail_attr">On Tue, Help wrote:<br></div><blockquote class="gmail_quote">First?
</blockquote><div>Yes.</div><blockquote class="gmail_quote">Second?</blockquote></div><div>No.</div>"""
OUTLOOK = """\
<div class="WordSection1"><p class="MsoNormal">It works <b>now</b>.<o:p></o:p></p><p><o:p>&nbsp;</o:p></p>
<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p><b>Od:</b> Help</p></div>
</div><p>Does it work?</p></div>"""
OUTLOOK_HEADER = """\
<div><p>It works now.</p></div><p><b>Von:</b> Help<br><b>Gesendet:</b> Montag<br><b>An:</b> Dana<br>
<b>Betreff:</b> Ja</p><p>Does it work?</p>"""
OUTLOOK_WEB = """\
<div>It works now.</div><div id="x_appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Help</div>
<div>Does it work?</div>"""
APPLE = """\
It works now.<br id="lineBreakAtBeginningOfMessage"><br><blockquote type="cite"><div>On 1 Mar 2011, at 10:00, Help &lt;
help@bank.example&gt; wrote:</div><div>Does it work?</div></blockquote>"""
THUNDERBIRD = """\
<p>It works now.</p><div class="moz-cite-prefix">Am 01.03.2011 um 10:00 schrieb Help:<br></div>
<blockquote type="cite" cite="mid:1@bank.example">Does it work?</blockquote>
<div class="moz-signature">-- <br>Dana</div>"""
YAHOO = """\
<div>It works now.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Tuesday Help wrote:</div>
<div>Does it work?</div></div>"""
OURS = "<p>It works now.</p><p>Please write your reply above this line</p><p>Does it work?</p>"


@pytest.mark.parametrize("html", [GMAIL, OUTLOOK, OUTLOOK_HEADER, OUTLOOK_WEB, APPLE, THUNDERBIRD, YAHOO, OURS])
def test_a_quote_is_cut_as_its_mail_program_marks_it(html: str) -> None:
    read = read_html(html)
    assert "It works" in read.html
    assert "It works now." in read.text
    assert "Does it work?" not in read.html + read.text
    assert "Does it work?" in read.quoted


def test_answers_between_quotes_stay_with_the_quotes() -> None:
    read = read_html(GMAIL_INLINE)
    assert [word for word in ("First?", "Yes.", "Second?", "No.") if word in read.html] == [
        "First?",
        "Yes.",
        "Second?",
        "No.",
    ]
    assert read.quoted == ""


def test_a_block_that_nothing_marks_as_quote_is_the_writers_own() -> None:
    assert "ERROR 500" in read_html("<p>I get</p><blockquote>ERROR 500</blockquote>").html


def test_a_mail_that_is_all_quote_is_shown() -> None:
    assert read_html('<blockquote type="cite">Hello</blockquote>').text == "Hello"


def test_nothing_empty_is_left_where_something_was_cut() -> None:
    assert read_html(GMAIL).html == "<div>It works now.<br>Dana</div>"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<style>@import 'http://evil.example/x.css'</style>",
        '<p style="background:url(http://evil.example/x.png)">x</p>',
        '<iframe src="http://evil.example"></iframe>',
        '<form action="http://evil.example"><input name="password"></form>',
        '<meta http-equiv="refresh" content="0;url=http://evil.example">',
        '<base href="http://evil.example/">',
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
        '<video src="http://evil.example/x.mp4" poster="http://evil.example/x.png">',
    ],
)
def test_nothing_hostile_is_left(hostile: str) -> None:
    html = read_html(f"<p>Hello</p>{hostile}").html
    assert "Hello" in html
    for trace in ("alert", "evil.example", "onerror", "javascript", "<form", "<iframe", "<style", "<meta"):
        assert trace not in html


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ('<img src="http://evil.example/pixel.gif" width="1" height="1">', "<span></span>"),
        ('<a href="https://a.example"><img src="https://a.example/x.png" alt="Chart"></a>', "[picture: Chart]"),
        ('<img src="https://a.example/x.png">', ">[picture: not shown]</a>"),
        ('<img src="cid:a%20b@c" onload="x()" alt="Screen">', '<img src="cid:a b@c" alt="Screen">'),
        ('<a href="cid:a@b">x</a>', ">x</a>"),
        ('<img src="attachment:0190f2f0-0000-7000-8000-000000000000">', "<span>[picture: not shown]</span>"),
        ('<a href="/admin/delete">x</a>', ">x</a>"),
        ('<a href="mailto:a@b.example">x</a>', 'href="mailto:a@b.example"'),
    ],
)
def test_only_the_mails_own_pictures_are_shown_and_links_name_a_host(html: str, safe: str) -> None:
    shown = read_html(html).html
    assert safe in shown
    assert "attachment:" not in shown
    assert "evil.example" not in shown


def test_pictures_are_bound_to_attachments() -> None:
    html = '<p><img src="cid:a@b" alt="A"> and <img src="cid:lost@b"></p>'
    assert with_attachments(html, {"a@b": "0190"}) == '<p><img src="attachment:0190" alt="A"> and [picture missing]</p>'


def test_a_bound_picture_cannot_break_out_of_its_attribute() -> None:
    assert '"x' not in with_attachments('<img src="cid:a">', {"a": '"x'}).replace('src="', "")


def test_a_picture_in_the_html_becomes_an_inline_file() -> None:
    raw = letter('<p>See <img src="data:image/png;base64,iVBORw0KGgo="></p>', Content_Type="text/html")
    mail = read_mail(raw)
    assert [(one.name, one.media_type, one.content, one.is_inline) for one in mail.attachments] == [
        ("picture-1.png", "image/png", b"\x89PNG\r\n\x1a\n", True)
    ]
    assert mail.html == '<p>See <img src="cid:picture-1@html"></p>'


def test_a_picture_is_inline_only_if_it_is_shown() -> None:
    related = 'multipart/related; boundary="x"'
    picture = "\r\n--x\r\nContent-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Disposition: inline\r\n\r\nPNG"
    shown = '--x\r\nContent-Type: text/html\r\n\r\n<p>See <img src="cid:a@b"></p>'
    mail = read_mail(letter(f"{shown}{picture}\r\n--x--", Content_Type=related))
    hidden = read_mail(letter(f"{shown.replace('cid:a@b', 'cid:c@d')}{picture}\r\n--x--", Content_Type=related))
    assert [one.is_inline for one in (*mail.attachments, *hidden.attachments)] == [True, False]


@pytest.mark.parametrize(
    "html", ["<div>" * 5_000, "<p>x" * 200_000, "&" * 100_000, "<b>" * 150 + "x", "<p a=" + "x" * 40_000 + ">"]
)
def test_html_that_would_be_slow_is_read_as_text_and_kept_as_a_file(html: str) -> None:
    assert not is_digestible(html)
    mail = read_mail(letter(f"Hello{html}", Content_Type="text/html"))
    assert mail.html is None
    assert mail.text.startswith("Hello")
    assert [(one.name[-5:], one.media_type) for one in mail.attachments][:1] == [(".html", "text/html")]


def test_text_from_html_is_laid_out() -> None:
    assert (
        read_html("<p>One</p><ul><li>two</li></ul><table><tr><td>a</td><td>b</td></tr></table>").text
        == "One\n\n  * two\na  b"
    )
    assert stripped("<style>x</style><p>One</p><!-- no --><p>&lt;two&gt;</p>") == "One\n<two>"


def test_what_is_safe_stays_as_it_is() -> None:
    html = "<p>a <b>b</b></p><ul><li>c</li></ul><blockquote>d</blockquote><table><tbody></tbody></table>"
    assert safe_html(html) == html
    assert safe_html(safe_html(GMAIL)) == safe_html(GMAIL)
