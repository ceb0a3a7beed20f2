"""Mails of every broken form: what is in them still comes out."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import pytest

from services.intake.mail.parsing.addresses import MailAddress
from services.intake.mail.parsing.charsets import clean, decode
from services.intake.mail.parsing.inbound_message import inbound_message_of
from services.intake.mail.parsing.mime import MAX_DEPTH, MAX_PARTS
from services.intake.mail.parsing.parser import read_mail
from tests.unit.mail.sample_mails import letter

MIXED = 'multipart/mixed; boundary="b"'


def part(content: str, **fields: str) -> str:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"--b\r\n{head}\r\n{content}\r\n"


FILE = part("JVBERi0=", Content_Type='application/pdf; name="a.pdf"', Content_Transfer_Encoding="base64")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MIXED, part("Hello") + FILE + "--b--"),
        (MIXED, part("Hello") + FILE),
        (MIXED, part("Hello") + FILE + "--b--\r\n" + "--b--\r\n"),
        (MIXED, part("Hello") + "--b--\r\n" + FILE + "--b--"),
        ("multipart/mixed", part("Hello", Content_Type="text/plain") + FILE + "--b--"),
        ('multipart/mixed; boundary="wrong"', part("Hello", Content_Type="text/plain") + FILE + "--b--"),
        ("multipart/mixed; boundary=b; boundary=c", part("Hello") + FILE + "--b--"),
        ('multipart/mixed;\r\n\tboundary*0="b"', part("Hello") + FILE + "--b--"),
        ("MULTIPART/Mixed ; BOUNDARY = b", part("Hello") + FILE + "--b--  "),
        (MIXED, (part("Hello") + FILE + "--b--").replace("\r\n", "\n")),
    ],
)
def test_parts_are_found_however_their_bounds_are_written(content_type: str, body: str) -> None:
    mail = read_mail(letter(body, Content_Type=content_type))
    assert mail.text == "Hello"
    assert [(one.name, one.content) for one in mail.attachments] == [("a.pdf", b"%PDF-")]


def test_a_boundary_that_begins_like_another_is_another() -> None:
    inner = part("Hello", Content_Type='multipart/mixed; boundary="bb"').replace("Hello", "--bb\r\n\r\nOne\r\n--bb--")
    assert read_mail(letter(f"{inner}{part('Two')}--b--", Content_Type=MIXED)).text == "One\nTwo"


def test_parts_nested_too_deeply_stay_together_as_a_file() -> None:
    levels = [
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(MAX_DEPTH + 5)
    ]
    mail = read_mail(letter().split(b"\r\n\r\n")[0] + b"\r\n" + "".join(levels).encode() + b"\r\nHello")
    assert [one.media_type for one in mail.attachments] == ["message/rfc822"]
    assert mail.attachments[0].content.endswith(b"Hello")


def test_parts_that_are_too_many_stay_together_as_a_file() -> None:
    mail = read_mail(letter("".join(part(f"file {n}", Content_Type="a/b") for n in range(1_000)), Content_Type=MIXED))
    assert len(mail.attachments) == MAX_PARTS
    together = b"".join(one.content for one in mail.attachments)
    assert all(f"file {n}".encode() in together for n in range(1_000))


@pytest.mark.parametrize(
    "raw", [b"", b"\0" * 100, b"\r\n\r\n", b"no mail at all", bytes(range(256)) * 10, b":\r\n:\r\n", b"\xff\xfe"]
)
def test_what_is_no_mail_is_unreadable_but_never_an_error(raw: bytes) -> None:
    assert not read_mail(raw).is_readable


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", "SGVsbG8=", "Hello"),
        ("BASE64", "SGVs\r\nbG8", "Hello"),
        ("base64", "SGVs=bG8=", "Hello"),
        ("base64", "SGVsbG8=SGVsbG8=", "HelloHello"),
        ("base64", "This is not base64 at all, it says so.", "This is not base64 at all, it says so."),
        ("quoted-printable", "H=65llo=\r\n you=", "Hello you"),
        ("quoted printable", "H=65llo", "Hello"),
        ("quoted-printable", "100 = 100 =ZZ", "100 = 100 =ZZ"),
        ("7-bit", "Hello", "Hello"),
        ("x-unknown", "Hello", "Hello"),
        ("x-uuencode", "begin 644 x\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello"),
    ],
)
def test_a_transfer_encoding_is_undone_however_badly_it_was_applied(encoding: str, body: str, text: str) -> None:
    assert read_mail(letter(body, Content_Transfer_Encoding=encoding)).text == text


def test_a_file_written_into_the_text_comes_out() -> None:
    mail = read_mail(letter("See below\r\nbegin 644 a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\nBye"))
    assert mail.text == "See below\nBye"
    assert [(one.name, one.content) for one in mail.attachments] == [("a.txt", b"Hello")]


VENDORS = b"\x1b$B-!8+@Q=q\x1b(B"


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), None, "Grüße"),
        ("„€“".encode("cp1252"), "iso-8859-1", "„€“"),
        *(
            ("Größe: 20 €, “très” cher".encode(), label, "Größe: 20 €, “très” cher")
            for label in ("iso-8859-1", "iso-8859-15", "windows-1252", "macintosh", "us-ascii")
        ),
        *(
            ("Здравствуйте, не работает принтер".encode(charset), label, "Здравствуйте, не работает принтер")
            for charset in ("koi8-r", "cp1251")
            for label in ("us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-8", None)
        ),
        ("로그인이 되지 않습니다".encode("cp949"), "us-ascii", "로그인이 되지 않습니다"),
        ("ワーク".encode("iso2022_jp"), "ISO-2022-JP", "ワーク"),
        ("①ワーク".encode("cp932"), "Shift_JIS", "①ワーク"),
        *(
            (VENDORS, label, "①見積書")
            for label in ("iso-2022-jp", "ISO-2022-JP-MS", "cp50220", "utf-8", "us-ascii", None)
        ),
        (b"\x1b$B-j\x1b(B No. \x1b$B-b\x1b(B\r\n\x1b(I1\x1b(B", "iso-2022-jp", "㈱ No. №\r\nｱ"),
        *(
            ("결제가 되지 않습니다".encode("iso2022_kr"), label, "결제가 되지 않습니다")
            for label in ("iso-2022-kr", "utf-8", None)
        ),
        ("Problème à régler".encode("latin-1"), None, "Problème à régler"),
        ("Kære support, jeg får".encode("latin-1"), "x-unknown", "Kære support, jeg får"),
        ("Não é possível".encode("latin-1"), "utf-8", "Não é possível"),
        ("L’été, c’est “bientôt”".encode("cp1252"), "iso-8859-1", "L’été, c’est “bientôt”"),
        ("Zamówienie nie dotarło, proszę".encode("cp1250"), None, "Zamówienie nie dotarło, proszę"),
        ("Здравствуйте".encode("koi8-r"), None, "Здравствуйте"),
        ("Заказ не пришёл".encode("cp1251"), None, "Заказ не пришёл"),
        ("스티해".encode("cp949"), "ks_c_5601-1987", "스티해"),
        ("测试镕".encode("gb18030"), "gb2312", "测试镕"),
        ("Привет".encode("koi8-r"), '"KOI8-R"', "Привет"),
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        (
            b"Gr\xc3\xbc\xc3\x9fe aus K\xf6ln" + b" und so weiter" * 20,
            "utf-8",
            "Grüße aus Köln" + " und so weiter" * 20,
        ),
        *(
            ("Größe über 20 €: “später”, 修理".encode()[:-1], label, "Größe über 20 €: “später”, 修ç\x90")
            for label in ("utf-8", None, "iso-8859-1", "us-ascii")
        ),
        ("見積書".encode("cp932")[:-1], "shift_jis", "見積\x8f"),
        ("café".encode("cp1252"), "utf-8", "café"),
        ("Warten … und warten".encode("cp1252"), "iso-8859-15", "Warten … und warten"),
        ("Größe".encode("mac_roman"), "x-mac-roman", "Größe"),
        (b"xn--a", "punycode", "xn--a"),
        (b"6869", "hex", "6869"),
        (b"\x81\x8d", "utf-8", "\x81\x8d"),
        ("Съешь ещё этих мягких французских булок да выпей чаю".encode("cp1251"), "x-unknown", None),
    ],
)
def test_a_charset_is_repaired(data: bytes, declared: str | None, text: str | None) -> None:
    decoded = decode(data, declared)
    assert decoded.text == (text or "Съешь ещё этих мягких французских булок да выпей чаю")


def test_a_repair_is_told() -> None:
    assert read_mail(letter("Grüße", Content_Type="text/plain; charset=x-none")).defects == (
        "charset 'x-none' read as utf-8",
    )


def test_clean_text_has_no_control_characters_and_no_lone_surrogates() -> None:
    assert clean("a\0b\x1b[0m\r\nc\rd\ud83d\ude00\ud83d\t") == "ab[0m\nc\nd😀\ufffd\t"


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOf?= =?utf-8?b?ZQ==?=", "Grüße"),
        ("=?utf-8?b?R3LD?= =?utf-8?b?vA==?=", "Grü"),
        ("=?utf-8?Q?with a space?= and =?utf-8?Q?more?=", "with a space and more"),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("=?x-unknown?q?Gr=FC=DFe?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("Grüße", "Grüße"),
        ("a\r\n folded\r\n\tline", "a folded line"),
        ("x" * 300, "x" * 255),
        ("a\0b\x07c", "abc"),
    ],
)
def test_a_subject_is_one_line_of_what_was_meant(subject: str, read: str) -> None:
    assert read_mail(letter(Subject=subject)).subject == read


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=a b.txt", "a b.txt"),
        ("attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "Grüße.txt"),
        ("attachment; filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe; filename*2=.txt", "Grüße.txt"),
        ("attachment; filename*1=b.txt; filename*0=a", "ab.txt"),
        ('attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe.txt?="', "Grüße.txt"),
        ('attachment; filename="say \\"hi\\".txt"', 'say "hi".txt'),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\Users\\\\a.txt"', "a.txt"),
        ('attachment; filename="gpj.\u202eexe"', "gpj. exe"),
        ("attachment", "attachment-1.txt"),
        ("attachment; filename=", "attachment-1.txt"),
    ],
)
def test_a_file_has_the_name_it_was_given_made_safe(disposition: str, name: str) -> None:
    assert read_mail(letter(Content_Disposition=disposition)).attachments[0].name == name


def person(name: str, address: str) -> MailAddress:
    return MailAddress(name, address)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("Dana Ruiz <dana@bank.example>", [person("Dana Ruiz", "dana@bank.example")]),
        ('"Ruiz, Dana" <dana@bank.example>', [person("Ruiz, Dana", "dana@bank.example")]),
        ("dana@bank.example (Dana Ruiz)", [person("Dana Ruiz", "dana@bank.example")]),
        ("=?utf-8?q?Ru=C3=ADz=2C_Dana?= <dana@bank.example>", [person("Ruíz, Dana", "dana@bank.example")]),
        ("dana@bank.example <dana@bank.example>", [person("", "dana@bank.example")]),
        ("<dana@bank.example", [person("", "dana@bank.example")]),
        ("Dana <dana @ bank . example>", [person("Dana", "dana@bank.example")]),
        (
            "a@b.example, c@d.example; e@f.example",
            [person("", one) for one in ("a@b.example", "c@d.example", "e@f.example")],
        ),
        ("a@b.example c@d.example", [person("", "a@b.example"), person("", "c@d.example")]),
        ("A@b.example, a@B.example", [person("", "A@b.example")]),
        ("undisclosed-recipients:;", []),
        ("Team: a@b.example, c@d.example;", [person("", "a@b.example"), person("", "c@d.example")]),
        ("nobody", []),
        ("jdöe@mächine.example", [person("", "jdöe@mächine.example")]),
        ("(" * 5_000, []),
        (f"{'x' * 300}@b.example", []),
    ],
)
def test_addresses_are_found_however_they_are_written(field: str, found: list[MailAddress]) -> None:
    assert list(read_mail(letter(Cc=field)).cc) == found


@pytest.mark.parametrize(
    ("fields", "ids", "number"),
    [
        ({}, (), None),
        ({"In-Reply-To": "<a@b>", "References": "<c@d> <a@b>"}, ("<a@b>", "<c@d>"), None),
        ({"In-Reply-To": "Your message of Tuesday <a@b>"}, ("<a@b>",), None),
        ({"References": "<a@b><c@d>\r\n <e@f>, broken <g"}, ("<e@f>", "<c@d>", "<a@b>"), None),
        ({"In-Reply-To": "20261124.1234@bank.example"}, ("<20261124.1234@bank.example>",), None),
        ({"References": " ".join(f"<{n}@b>" for n in range(500))}, None, None),
        ({"Subject": "Re: [#1000234] Help"}, (), "1000234"),
        ({"Subject": "Re: [#] Help"}, (), None),
        ({"Subject": "AW: Help [#1000234]"}, (), "1000234"),
    ],
)
def test_a_mail_says_what_it_belongs_to(
    fields: dict[str, str], ids: tuple[str, ...] | None, number: str | None
) -> None:
    mail = read_mail(letter(**fields))
    assert mail.ticket_number == number
    if ids is not None:
        assert mail.thread_ids == ids
    assert len(mail.thread_ids) <= 50


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Tue, 24 Nov 2026 10:00:00 +0100", "2026-11-24T09:00:00+00:00"),
        ("Tue, 24 Nov 2026 10:00:00 -0000", "2026-11-24T10:00:00+00:00"),
        ("24 Nov 2026 10:00", "2026-11-24T10:00:00+00:00"),
        ("Tue, 24 Nov 9999999999 10:00:00 +0100", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_an_instant_or_nothing(date: str, at: str | None) -> None:
    sent_at = read_mail(letter(Date=date)).sent_at
    assert (sent_at.isoformat() if sent_at else None) == at


def test_a_mail_in_a_mail_is_a_file() -> None:
    mail = read_mail(
        letter(
            part("See below") + part("Subject: Inner\r\n\r\nHello", Content_Type="message/rfc822") + "--b--",
            Content_Type=MIXED,
        )
    )
    assert mail.text == "See below"
    assert [(one.name, one.content) for one in mail.attachments] == [("message-1.eml", b"Subject: Inner\r\n\r\nHello")]


def test_a_text_too_long_to_show_is_also_a_file() -> None:
    long = "A line of text.\r\n" * 50_000
    mail = read_mail(letter(long))
    assert len(mail.text.encode()) <= 256 * 1024
    assert mail.attachments[0].content == long.encode()


def test_a_plain_text_that_says_something_else_than_the_html_is_kept() -> None:
    both = part("Please call Dana about invoice seventeen") + part("<p>Buy this</p>", Content_Type="text/html")
    mail = read_mail(letter(f"{both}--b--", Content_Type='multipart/alternative; boundary="b"'))
    assert mail.text == "Buy this"
    assert [one.content for one in mail.attachments] == [b"Please call Dana about invoice seventeen"]


def test_a_text_with_a_name_is_a_file_but_not_where_it_is_one_way_to_write_the_mail() -> None:
    both = part("Hello", Content_Type="text/plain; name=a") + part("<p>Hello</p>", Content_Type="text/html; name=b")
    alternative = read_mail(letter(f"{both}--b--", Content_Type='multipart/alternative; boundary="b"'))
    mixed = read_mail(letter(f"{both}--b--", Content_Type=MIXED))
    assert (alternative.html, alternative.attachments) == ("<p>Hello</p>", ())
    assert (mixed.text, [one.name for one in mixed.attachments]) == ("", ["a", "b"])


def test_html_too_long_to_be_read_gives_way_to_the_plain_text() -> None:
    long = part("<p>Hello</p>" * 60_000, Content_Type="text/html")
    both = read_mail(letter(f"{part('Hello')}{long}--b--", Content_Type='multipart/alternative; boundary="b"'))
    alone = read_mail(letter(f"{long}--b--", Content_Type='multipart/alternative; boundary="b"'))
    assert both.text == "Hello"
    assert alone.text.startswith("Hello\nHello")
    assert [one.media_type for one in both.attachments] == ["text/html"]


def test_a_quote_too_long_to_be_kept_with_the_message_is_a_file() -> None:
    long = "> A line that is quoted\r\n" * 8_000
    mail = read_mail(letter(f"Yes\r\n\r\nOn 1 May 2026 at 10:00, a@b.example wrote:\r\n{long}"))
    assert mail.text == "Yes"
    assert len(mail.quoted.encode()) <= 128 * 1024
    assert mail.attachments[0].content.count(b"> A line that is quoted") == 8_000


def test_much_outside_the_parts_is_a_file() -> None:
    mail = read_mail(letter(f"{part('Hello')}--b--\r\n" + "a line\r\n" * 20_000, Content_Type=MIXED))
    assert mail.text == "Hello"
    assert [one.content.count(b"a line") for one in mail.attachments] == [20_000]


def test_curly_quotes_of_windows_are_none_of_latin_9s_controls() -> None:
    raw = letter(Content_Type="text/plain; charset=iso-8859-15") + "“Hi” – it’s 5 €".encode("cp1252").replace(
        b"\x80", b"\xa4"
    )
    assert read_mail(raw).text == "Hello“Hi” – it’s 5 €"


@pytest.mark.parametrize("text", ["Problème à régler", "Здравствуйте", "“Größe”"])
def test_a_raw_subject_is_guessed_as_a_body_is(text: str) -> None:
    charset = "koi8-r" if text[0] == "З" else "cp1252"
    subject = read_mail(b"From: a@b.example\r\nSubject: " + text.encode(charset) + b"\r\n\r\nx").subject
    assert subject == text


@pytest.mark.parametrize("where", ["part", "multipart"])
def test_a_raw_file_name_is_in_the_charset_that_is_named_around_it(where: str) -> None:
    outer, inner = ("", "; charset=shift_jis") if where == "part" else ("; charset=shift_jis", "")
    raw = (
        f"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x{outer}\r\n\r\n--x\r\n"
        f"Content-Type: text/csv{inner}\r\nContent-Disposition: attachment; filename="
    ).encode() + '"見積書.csv"\r\n\r\na\r\n--x--\r\n'.encode("cp932")
    assert read_mail(raw).attachments[0].name == "見積書.csv"


@pytest.mark.parametrize("stray", [1, 11, 300])
def test_stray_lines_inside_a_header_do_not_end_it(stray: int) -> None:
    raw = b"From: a@b.example\r\n" + b"no field at all\r\n" * stray + b"Subject: Late\r\n\r\nHello"
    mail = read_mail(raw)
    assert (mail.subject, mail.text) == ("Late", "Hello")


def test_what_a_long_subject_loses_is_not_lost() -> None:
    long = "My printer burns. " * 30
    mail = read_mail(letter(Subject=long))
    assert len(mail.subject) <= 255
    assert inbound_message_of(mail, b"", "").body == f"Subject: {long.strip()}\n\nHello"


def test_a_ticket_number_counts_where_a_long_subject_is_cut() -> None:
    assert read_mail(letter(Subject="x" * 255 + " [#100]")).ticket_number == "100"
