"""The words by which mail programs of many languages announce a quote or sign for their users."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import re

from shared.contracts.names import REPLY_DELIMITERS

_OWN = "|".join(re.escape(delimiter) for delimiter in REPLY_DELIMITERS.values())

_ABOVE = (
    r"(?:reply|response|answer|comment|write|type|respond)\w* above (?:this|the) (?:dotted )?line|"
    r"oberhalb dieser (?:linie|zeile)|über dieser (?:linie|zeile)|au-dessus de cette ligne|"
    r"(?:por )?encima de esta línea|sopra questa (?:linea|riga)|acima desta linha|boven deze (?:lijn|regel)|"
    r"powyżej tej linii|выше этой (?:линии|строки|черты)|over denne linje|ovanför denna (?:linje|rad)"
)
DELIMITER = re.compile(
    rf"^[\W_]{{0,40}}(?:{_OWN}|(?:[^\W\d_]{{1,12}}[ ]){{0,5}}(?:{_ABOVE})"
    r"(?: to (?:reply|respond|add a comment))?)[\W_]{0,40}$",
    re.IGNORECASE,
)
"""What our own mails say at their top, and those of other help desks: a line that says nothing else."""
OWN_DELIMITER = re.compile(rf"^[\W_]{{0,40}}(?:{_OWN})[\W_]{{0,40}}$", re.IGNORECASE)
"""What only our own mails say."""
_ORIGINAL = (
    r"original (?:message|e-?mail|appointment)|(?:ursprüngliche|original|weitergeleitete|antwort)[- ]?"
    r"(?:nachricht|e-?mail|mail)|"
    r"message (?:d'origine|d’origine|original|transféré|initial)|mail original|mensaje (?:original|reenviado)|"
    r"messaggio (?:originale|inoltrato)|"
    r"mensagem (?:original|encaminhada)|(?:oorspronkelijk|origineel|doorgestuurd) bericht|"
    r"(?:ursprungligt|vidarebefordrat) meddelande|(?:oprindelig|videresendt|opprinnelig) (?:meddelelse|melding|mail)|"
    r"původní (?:zpráva|e-?mail)|pôvodná správa|přeposlaná zpráva|(?:oryginalna|przekazana) wiadomość|"
    r"wiadomość (?:oryginalna|przekazana)|(?:исходное|пересылаемое|пересланное|оригинальное) (?:сообщение|письмо)|"
    r"(?:вихідне|оригінальне|переслане|пересланий) (?:повідомлення|лист)|"
    r"forwarded (?:message|mail|by\b.{0,60})|reply message|(?:alkuperäinen|välitetty) viesti|eredeti üzenet|"
    r"mesaj original|mesajul original|orijinal (?:mesaj|ileti)|özgün ileti|iletilen (?:mesaj|ileti)|αρχικό μήνυμα|"
    r"pesan asli|原始邮件|原始郵件|原始信件|原邮件|转发邮件|转发的邮件|轉寄郵件|轉寄的郵件|転送メッセージ|"
    r"元のメッセージ|原文|原始信息|원본 메시지|원본 메일|전달된 메시지|전달된 메일"
)
_DASH = "[-_=‐‑‒–—―─]"
ORIGINAL = re.compile(
    rf"^[\s*]{{0,3}}{_DASH}{{2,60}}\s{{0,3}}(?:{_ORIGINAL})\s{{0,3}}{_DASH}{{2,60}}\W{{0,3}}$", re.IGNORECASE
)
"""`-----Original Message-----`"""
BEGIN_FORWARDED = re.compile(
    r"^(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|"
    r"début du message (?:transféré|réexpédié)|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"(?:begin|start van) doorgestuurd bericht|início da mensagem (?:encaminhada|reencaminhada)|"
    r"vidarebefordrat brev|start på videresendt (?:besked|melding)|videresendt (?:besked|melding)|"
    r"początek przekazywanej wiadomości|začátek přeposílané zprávy|välitetty viesti alkaa|"
    r"начало переадресованного сообщения|iletilen ileti başlangıcı|开始转发的邮件|下面是被转发的邮件|"
    r"転送されたメッセージ|전달된 메시지 시작)\s?[:：]$",
    re.IGNORECASE,
)
RULE = re.compile(r"^[\s*]{0,3}[_=\-‐–—─]{8,}\s{0,3}$")
"""A line drawn across."""
GREETING = re.compile(
    r"^(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|moin|liebe[rs]?|"
    r"sehr geehrte[rs]?|bonjour|bonsoir|salut|hola|buen(?:os|as) \w+|ciao|buon(?:giorno|asera)|olá|bom dia|boa tarde|"
    r"hoi|beste|geachte|hej|hei|moi|cześć|dzień dobry|witam|dobrý den|ahoj|здравствуйте|добрый день|привет|merhaba|"
    r"こんにちは|お世話になっております|你好|您好|안녕하세요)\b[^.?]{0,40}[,!:，！、。]?$",
    re.IGNORECASE,
)
"""A line that only greets."""
_DEVICE = (
    r"i-?phon\w*|ipad\w*|ipod\w*|ios|apple|mac\b|blackberry|android|\w*phone|mobile|mobil\w*|handy|smartphone|tablet\w*|samsung|"
    r"galaxy|huawei|honor|htc|nokia|xperia|sony|pixel|nexus|oneplus|xiaomi|mi \w+|lg\b|motorola|windows|verizon|"
    r"t-mobile|at&t|vodafone|outlook|yahoo|proton\w*|gmail|spark|mail\w*|e-mail|zoho|gmx|web\.de|superhuman|polymail|"
    r"airmail|k-9|hey|telefon\w*|téléphone|teléfono|telefono|telefone|telefoon|móvil|puhelime\w*|телефон\w*|яндекс\w*|"
    r"почт\w*|mobiel|komórk\w*|device|gerät\w*|appareil|dispositiv\w*|handheld|wireless|app|aol|icloud|edge|bluemail"
)
_SIGNED = (
    r"sent (?:from|via|using|with|on|securely from)|"
    r"gesendet (?:von|mit|über|aus)|von (?:meinem|meiner|unterwegs|mobil)|diese (?:nachricht|e-?mail) wurde (?:von|"
    r"mit)|(?:e-?mail|nachricht) (?:gesendet|verschickt) (?:von|mit)|versendet (?:von|mit)|"
    r"envoyé (?:de(?:puis)?|à partir d[eu']|avec|via|par)|provenance :|"
    r"enviado (?:desde|do|a partir d[eo]|del?|con|com|via|pelo)|inviato (?:d\w+|con|tramite)|"
    r"verzonden (?:vanaf|met|via|vanuit)|verstuurd (?:vanaf|met|via)|skickat (?:från|med)|sendt (?:fra|med|via)|"
    r"odesláno (?:z|ze|pomocí)|odoslané (?:z|zo)|wysłan[eoay] (?:z|ze|za pomocą)|lähetetty|"
    r"отправлено (?:с|со|из|через)|надіслано (?:з|із|зі|через)|elküldve|"
    r"trimis (?:de pe|din|de la)|küldve|στάλθηκε από|dikirim dari|được gửi từ|nosūtīts|saadetud"
)
_GET = (
    r"get|download|télécharge[rz]|obtenez|obt(?:ener|enha|én)|scarica|ottieni|hämta|hent|získejte|pobierz|hanki|holen|"
    r"скачать|отримати|скачайте|laden"
)
SENT_FROM = re.compile(
    rf"^(?:(?:{_SIGNED})(?!\w).{{0,60}}?(?<!\w)(?:{_DEVICE})(?!\w)|(?:{_GET}) (?:\S{{1,12}} ){{0,2}}"
    r"(?:outlook|bluemail|spark|yahoo|gmx|aol|protonmail)(?:\s(?:for|mail|pour|für|para|per|voor|til|för|pro|dla|для)(?!\w)|"
    r"\s{0,2}<|$)|.{0,30}(?:'?[dt][ae]n|ımdan|imden) gönderildi|"
    r"\S{0,40} ?(?:から送信|から送信されました)|从我的.{1,20}发送|從我的.{1,20}傳送|[发發]自我的|[发發傳]送自我的|"
    r"来自我的|(?:나의|내) .{1,20}에서 보냄|\S{1,20}에서 보냄|sent from my)",
    re.IGNORECASE,
)
"""`Sent from my phone`, written by the phone."""
REASON = re.compile(
    r"(?<!\w)(?:because|since|as|and|but|so|which|who|is|was|has|had|it|that|sorry|while|where|please|weil|und|aber|"
    r"ist|war|hat|bitte|parce|car|mais|qui|est|désolé|porque|pero|pues|perché|però|maar|omdat|men|fordi|ale|bo|gdyż|"
    r"потому|но|так)(?!\w)",
    re.IGNORECASE,
)
"""Words of a sentence, which a phone does not write about itself."""
FIELD = re.compile(r"[A-Z][A-Za-z]{1,30}-[A-Za-z-]{2,40}: \S")
"""A field as protocols write it, with a hyphen in its name: `Reporting-MTA: dns; mx`."""
