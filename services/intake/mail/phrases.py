"""The words by which mail programs of many languages announce a quote or sign for their users."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import re

from shared.contracts.names import REPLY_DELIMITER

_WROTE = (
    r"wrote|writes|schrieb\w*|a écrit|escribió|ha escrit|escreveu|ha scritto|schreef|geschreven|skrev|"
    r"napsala?(?:\(a\))?|napísala?|napisała?(?:\(a\))?|pisze|kirjoitti|написала?|пишет|пише|написав|írta|a scris|yazdı|"
    r"έγραψε|viết|menulis|כתב\w*|كتب|写道|寫道|のメッセージ|のメール|작성|님이 작성"
)
_OPENING = (
    r"On|Am|Le|El|Il|Em|Op|Den|Dne|Dňa|W dniu|Dnia|Pe|În data|Στις|Vào|Pada|ב|في|在|於|"
    r"(?:mon|tue|wed|thu|fri|sat|sun|man|tir|ons|tor|tors|fre|lør|søn|lör|sön|mån|tis|ma|ti|ke|to|pe|la|su|"
    r"пн|вт|ср|чт|пт|сб|вс)\b\.?"
)
_WROTE_AT_LAST = re.compile(_WROTE, re.IGNORECASE)
_OPENS = re.compile(rf"[\s*-]{{0,3}}(?:{_OPENING})", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[.,/ :年-]")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{3,}")
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}(?!\d)")
_YOU_WROTE = re.compile(r"\d{4}.{0,20} you wrote:\W{0,3}$", re.IGNORECASE)
_COLON = re.compile(r"[:：]\W{0,3}$")


def is_full_attribution(line: str) -> bool:
    """Whether it reads `On 1 March 2011 at 9:30, Dana Ruiz wrote:` or `2014-03-20 8:48 Dana Ruiz <dana@bank.example>:`.

    That is more than people write who report what somebody wrote.
    """
    if not _COLON.search(line):
        return False
    says_so = _WROTE_AT_LAST.search(line[-160:]) is not None
    has_address = _ADDRESS.search(line[-160:]) is not None
    has_time = _TIME.search(line) is not None
    return (says_so and (has_time or has_address)) or (has_time and has_address) or _YOU_WROTE.search(line) is not None


def is_attribution(line: str) -> bool:
    """Whether it announces a quote, if one follows at once: `On Tuesday, Dana Ruiz wrote:` will do."""
    is_opened = _OPENS.match(line) is not None or "@" in line or _DATE.search(line) is not None
    return is_full_attribution(line) or (is_opened and is_short_attribution(line[-160:]))


def is_opening(line: str) -> bool:
    """Whether an attribution of several lines may begin with this one: `On Tue, 1 March 2011, Dana Ruiz`."""
    return (
        _OPENS.match(line) is not None and _DATE.search(line) is not None and line.rstrip()[-1:] not in (".", "!", "?")
    )


def is_short_attribution(line: str) -> bool:
    """Whether it is as short as `Dana Ruiz wrote:`."""
    return len(line) <= 160 and _COLON.search(line) is not None and _WROTE_AT_LAST.search(line) is not None


DELIMITER = re.compile(rf"{re.escape(REPLY_DELIMITER)}|(?:reply|response|answer) above this line", re.IGNORECASE)
"""What our own mails say at their top, and those of other help desks."""
_ORIGINAL = (
    r"original (?:message|e-?mail|appointment)|(?:ursprüngliche|original|weitergeleitete)[- ]?(?:nachricht|e-?mail)|"
    r"message (?:d'origine|original|transféré)|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)|"
    r"mensagem (?:original|encaminhada)|(?:oorspronkelijk|doorgestuurd) bericht|"
    r"(?:ursprungligt|vidarebefordrat) meddelande|(?:oprindelig|videresendt|opprinnelig) (?:meddelelse|melding)|"
    r"původní (?:zpráva|e-?mail)|wiadomość oryginalna|(?:исходное|пересылаемое|оригинальное) сообщение|"
    r"forwarded (?:message|by\b.{0,60})|reply message|alkuperäinen viesti|eredeti üzenet|原始邮件|原始郵件|转发邮件|"
    r"転送メッセージ|元のメッセージ|원본 메시지"
)
ORIGINAL = re.compile(rf"^[\s*]{{0,3}}[-_=]{{2,}}\s?(?:{_ORIGINAL})\s?[-_=]{{2,}}\W{{0,3}}$", re.IGNORECASE)
"""`-----Original Message-----`"""
BEGIN_FORWARDED = re.compile(
    r"^(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message (?:transféré|réexpédié)|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht)\s?:$",
    re.IGNORECASE,
)
RULE = re.compile(r"^[\s*]{0,3}[_=-]{8,}\s{0,3}$")
"""A line drawn across."""

_FROM = "from|von|de|da|van|från|fra|od|lähettäjä|feladó|от|від|kimden|发件人|寄件者|差出人|보낸 사람"
_WHEN = (
    "sent|date|sent on|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviado em|fecha|data|inviato|verzonden|"
    "skickat|sendt|dato|odesláno|wysłano|lähetetty|päivämäärä|elküldve|отправлено|дата|надіслано|gönderildi|"
    "message du|发送时间|日期|寄件日期|送信日時|日付|보낸 날짜|날짜"
)
_TO = "to|an|à|a|para|aan|till|til|komu|do|pro|vastaanottaja|címzett|кому|kime|收件人|宛先|받는 사람"
_ABOUT = (
    "subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|ämne|emne|předmět|temat|aihe|tárgy|тема|konu|主题|主旨|"
    "件名|제목"
)
_COPY = "cc|kopie|copie à|copie|kopia|kopi|copia|копия|抄送|副本|참조"
HEADER_LINE = re.compile(
    rf"^[\s*]{{0,8}}(?:(?P<sender>{_FROM})|(?P<when>{_WHEN})|(?P<to>{_TO})|(?P<about>{_ABOUT})|(?P<copy>{_COPY}))"
    r"[\s*]{0,3}[:：][\s*]{0,3}",
    re.IGNORECASE,
)
"""A line of the header that Outlook and its like put above the mail they answer."""

SENT_FROM = re.compile(
    r"^(?:sent (?:from|via|using) (?:my|mail for|outlook|yahoo|proton|gmail|samsung|the|a|iphone)\b|sent with|"
    r"get outlook for|gesendet (?:von|mit) |von meinem .{1,40} gesendet|diese nachricht wurde von meinem|"
    r"envoyé (?:de(?:puis)?|à partir d)|télécharger outlook|enviado (?:desde|do|a partir d|del)|obtener outlook|"
    r"inviato d|scarica outlook|verzonden (?:vanaf|met|via) |verstuurd vanaf|skickat från|sendt fra|hent outlook|"
    r"odesláno z|wysłane z|lähetetty |отправлено (?:с|из) |从我的.{1,20}发送|发自我的|"
    r"iphoneから送信|나의 .{1,20}에서 보냄)",
    re.IGNORECASE,
)
"""`Sent from my phone`, written by the phone."""
