"""Blocks of lines like `From:`, `Sent:`, `To:`, `Subject:`, which mail programs put above the mail they answer."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import re
from collections.abc import Sequence

from services.intake.mail.parsing.lines import MailLine

MAX_LINES = 14
MAX_FOLDED = 3
"""Further lines that the value of one header may have."""
_NAMES = {
    "sender": "from|von|de|da|van|från|fra|frá|od|odesílatel|odosielateľ|lähettäjä|saatja|feladó|expeditor|от|от кого|"
    "від|від кого|відправник|отправитель|kimden|gönderen|από|dari|từ|מאת|من|发件人|寄件者|寄件人|差出人|送信者|発信者|"
    "보낸 사람|보낸사람|보낸이|x-from",
    "when": "sent|date|sent on|sent at|received|gesendet|gesendet am|datum|date d'envoi|envoyé|envoyé le|enviado|"
    "enviado el|enviado em|enviada em|enviada|fecha|data|inviato|data invio|verzonden|verzonden op|skickat|sendt|"
    "dato|odesláno|odoslané|dátum|wysłano|data wysłania|lähetetty|päivämäärä|päiväys|pvm|elküldve|küldve|trimis|"
    "отправлено|дата|надіслано|gönderildi|gönderme tarihi|tarih|gönderilen|ημερομηνία|στάλθηκε|tanggal|dikirim|ngày|"
    "gửi|date and time|message du|נשלח|تاريخ|发送时间|发送日期|日期|时间|寄件日期|傳送日期|送信日時|送信日|日付|日時|"
    "보낸 날짜|보낸날짜|날짜|보낸시간|보낸 시간",
    "to": "to|an|à|a|para|aan|till|til|komu|do|pro|vastaanottaja|címzett|catre|către|кому|до|kime|alıcı|προς|kepada|"
    "đến|tới|אל|إلى|收件人|收件者|宛先|받는 사람|받는사람|받는이|destinatario|destinataire|empfänger",
    "about": "subject|betreff|betrifft|thema|objet|sujet|asunto|oggetto|assunto|onderwerp|ämne|emne|předmět|predmet|"
    "temat|aihe|tárgy|subiect|тема|konu|θέμα|perihal|subjek|chủ đề|tiêu đề|נושא|موضوع|الموضوع|主题|主旨|主題|件名|제목",
    "copy": "cc|kopie|kopie an|copie à|copie|kopia|kopi|copia|cópia|копия|копія|bilgi|抄送|副本|참조|bcc|cci|cco|"
    "kopio|másolat|tembusan",
    "other": "reply-to|reply to|antwort an|antworten an|répondre à|responder a|responder para|rispondi a|odpowiedź do|"
    "odpovědět komu|svar til|svara till|beantwoorden|ответить|返信先|回复|importance|priority|wichtigkeit|priorität|"
    "importancia|importância|priorità|importance|attachments?|anlagen?|anhänge|anhang|pièces? jointes?|adjuntos|anexos|"
    "allegati|bijlagen?|załączniki|bilagor|vedlegg|přílohy|вложения|organization|organisation|sender|resent-from|"
    "message-id|x-mailer|mailed-by|signed-by|security|mailing list|添付ファイル|附件|categories|kategorien",
}
_HEADER = re.compile(
    r"^[\s*_>|]{0,8}(?:"
    + "|".join(
        f"(?P<{kind}>{'|'.join(sorted(names.split('|'), key=len, reverse=True))})" for kind, names in _NAMES.items()
    )
    + r")[\s*_]{0,6}[:：][\s*_]{0,3}",
    re.IGNORECASE,
)
_CONTINUED = re.compile(r"^(?:\s{2,}|\t)\S|^\s*[<\"']|^\s*[^\s@]{1,64}@\S+|^\s*\(?mailto:")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{3,}|\[mailto:|/[A-Z]{2,}@")


def is_header(lines: Sequence[MailLine], at: int) -> bool:
    """Whether the header of a mail begins here: three kinds of its lines, and such as only a mail has together.

    `From: Berlin`, `To: Paris`, `Date: Friday` is a journey: a subject or an address makes it a mail.
    """
    if at >= len(lines) or (first := _HEADER.match(lines[at].text[:200])) is None:
        return False
    if first.lastgroup not in ("sender", "when", "about"):
        return False
    kinds, has_address = _block(lines, at)
    if first.lastgroup == "about" and not has_address:
        return False
    return len(kinds) >= 3 and "sender" in kinds and ("about" in kinds or has_address)


def _block(lines: Sequence[MailLine], at: int) -> tuple[set[str], bool]:
    """The kinds of header lines from here on, and whether an address stands in them."""
    kinds: set[str] = set()
    has_address = False
    seen = folded = 0
    is_open = was_blank = False
    for line in lines[at : at + 3 * MAX_LINES]:
        text = line.text[:300]
        if line.is_blank:
            was_blank = True
            continue
        if (found := _HEADER.match(text)) is not None and seen < MAX_LINES:
            kinds.add(found.lastgroup or "other")
            seen += 1
            folded = 0
            is_open = not text[found.end() :].strip(" *_\t")
        elif folded < MAX_FOLDED and (is_open or (not was_blank and _CONTINUED.match(text))):
            folded += 1
            is_open = False
        else:
            break
        was_blank = False
        has_address = has_address or _ADDRESS.search(text) is not None
    return kinds - {"other"}, has_address
