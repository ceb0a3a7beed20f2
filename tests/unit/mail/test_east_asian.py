"""Short Chinese, Japanese and Korean mails without a charset's name, and Western ones that must stay Western."""

# ruff: noqa: RUF001 - full-width punctuation is meant

import pytest

from services.intake.mail.parsing.charsets import decode
from services.intake.mail.parsing.parser import read_mail

JAPANESE = [
    *("見積書", "ご注文の件", "請求書について", "ログインできません", "パスワード", "お問い合わせ", "返品希望", "至急"),
    *("配送状況の確認", "領収書の発行", "印刷できない", "会議の日程", "解約したい", "ありがとう", "エラー表示"),
]
SIMPLIFIED = [
    *("发票问题", "无法登录", "订单查询", "密码错误", "你好", "请帮忙", "退款申请", "系统故障", "客服电话", "谢谢您"),
    *("网站打不开", "账号被锁", "快递没收到", "合同附件", "紧急求助"),
]
TRADITIONAL = [
    *("發票問題", "無法登入", "訂單查詢", "密碼錯誤", "您好", "請幫忙", "退款申請", "系統故障", "客服電話", "謝謝您"),
    *("網站打不開", "帳號被鎖", "包裹沒收到", "合約附件", "緊急求助"),
]
KOREAN = [
    *(
        "안녕하세요",
        "로그인 오류",
        "환불 요청",
        "비밀번호 변경",
        "주문 취소",
        "배송 문의",
        "견적서 요청",
        "결제가 안됩니다",
    ),
    *("감사합니다", "프린터 고장", "계정 삭제", "세금계산서", "접속 불가", "긴급 문의", "영수증"),
]
WRITTEN_IN = {
    "shift_jis": JAPANESE,
    "euc_jp": JAPANESE,
    "gb18030": SIMPLIFIED,
    "big5": TRADITIONAL,
    "euc_kr": KOREAN,
}
ALL = [(charset, words) for charset, texts in WRITTEN_IN.items() for words in texts]
COUNTRY = {"shift_jis": "jp", "euc_jp": "co.jp", "gb18030": "com.cn", "big5": "com.tw", "euc_kr": "co.kr"}
LANGUAGE = {"shift_jis": "ja", "euc_jp": "ja-JP", "gb18030": "zh-CN", "big5": "zh-TW", "euc_kr": "ko"}


def mail(subject: bytes, body: bytes = b"", sender: str = "a@b.example", **fields: str) -> bytes:
    """An unlabelled mail."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"From: {sender}\r\n{more}Subject: ".encode() + subject + b"\r\n\r\n" + body


@pytest.mark.parametrize(("charset", "words"), ALL)
def test_a_short_subject_is_read_with_what_the_mail_tells_elsewhere(charset: str, words: str) -> None:
    data = words.encode(charset)
    assert read_mail(mail(data, sender=f"a@shop.{COUNTRY[charset]}")).subject == words
    assert read_mail(mail(data, Content_Language=LANGUAGE[charset])).subject == words
    assert read_mail(mail(b"Re: " + data + b" (2)", X_Accept_Language=LANGUAGE[charset])).subject == f"Re: {words} (2)"


@pytest.mark.parametrize("charset", WRITTEN_IN)
def test_most_short_subjects_are_read_by_themselves(charset: str) -> None:
    texts = WRITTEN_IN[charset]
    wrong = [words for words in texts if read_mail(mail(words.encode(charset))).subject != words]
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("charset", WRITTEN_IN)
def test_subject_and_body_are_judged_together(charset: str) -> None:
    first, *others = WRITTEN_IN[charset]
    for subject in others:
        read = read_mail(mail(subject.encode(charset), first.encode(charset) + b"\r\n\r\nhttps://shop.example/1\r\n"))
        assert (read.subject, read.text.split()[0]) == (subject, first.split()[0])


@pytest.mark.parametrize("charset", WRITTEN_IN)
def test_the_label_of_another_part_tells(charset: str) -> None:
    words = WRITTEN_IN[charset][0]
    raw = (
        mail(words.encode(charset), Content_Type="multipart/mixed; boundary=x")
        + b"--x\r\nContent-Type: text/plain\r\n\r\n"
        + words.encode(charset)
        + f"\r\n--x\r\nContent-Type: text/csv; charset={charset}; name=a.csv\r\n\r\na\r\n--x--\r\n".encode()
    )
    read = read_mail(raw)
    assert (read.subject, read.text) == (words, words)


@pytest.mark.parametrize("charset", WRITTEN_IN)
def test_a_senders_name_is_in_the_mails_charset(charset: str) -> None:
    words = WRITTEN_IN[charset][1]
    name = {"euc_kr": "김민수", "big5": "陳小明", "gb18030": "王小明"}.get(charset, "田中一郎")
    raw = b"From: " + name.encode(charset) + b" <a@b.example>\r\nSubject: " + words.encode(charset) + b"\r\n\r\n"
    read = read_mail(raw + words.encode(charset) * 2)
    assert read.sender is not None
    assert (read.sender.name, read.subject) == (name, words)


WESTERN = [
    *("Problème à régler", "Größe", "Ärger über Öl", "Más información", "São João", "Çà et là", "Où est-ce ?"),
    *("Kære support, jeg får", "Åse Ødegård", "“Hi” – it’s 5 €", "naïve façade", "été", "Überprüfung", "año"),
    *("¿Qué pasó?", "10 € – 20 £", "Þór Æsir", "ÄÖÜ", "«Bonjour»", "½ kg", "20 °C ± 5 %", "© 2026 Müller"),
]


@pytest.mark.parametrize("words", WESTERN)
@pytest.mark.parametrize("sender", ["a@b.example", "a@b.de", "a@shop.jp", "a@shop.com.cn", "a@shop.tw", "a@shop.co.kr"])
def test_western_text_stays_western_whoever_sends_it(words: str, sender: str) -> None:
    read = read_mail(mail(words.encode("cp1252"), words.encode("cp1252"), sender=sender))
    assert (read.subject, read.text) == (words, words)


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        *(("cp1251", words) for words in ("Привет", "Не работает принтер", "Здравствуйте", "Счёт на оплату")),
        *(("koi8-r", words) for words in ("Привет", "Не работает принтер", "Здравствуйте")),
        *(("cp1253", words) for words in ("Δεν λειτουργεί ο εκτυπωτής", "Καλημέρα σας, έχω ένα πρόβλημα")),
    ],
)
def test_other_alphabets_are_not_taken_for_east_asian(charset: str, words: str) -> None:
    found = decode(words.encode(charset), None)
    assert not any("\u3040" <= one <= "\ud7a3" for one in found.text), found


@pytest.mark.parametrize(
    ("charset", "words"),
    [("gb18030", "无法登录系统"), ("euc_kr", "로그인 오류 문의"), ("shift_jis", "ログインできません")],
)
def test_a_western_label_that_is_a_mere_default_is_not_believed(charset: str, words: str) -> None:
    raw = mail(b"x", words.encode(charset), Content_Type="text/plain; charset=iso-8859-1")
    assert read_mail(raw).text == words
