"""Domains of mail providers where anybody gets an address: sharing one says nothing about two people."""

_PROVIDERS = """
126.com 163.com aim.com aol.com arcor.de bluewin.ch bk.ru btinternet.com comcast.net fastmail.com fastmail.fm
free.fr freemail.hu freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk
hotmail.com hotmail.de hotmail.fr icloud.com inbox.ru laposte.net libero.it list.ru live.co.uk live.com live.de
live.fr mac.com mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com o2.pl orange.fr outlook.com outlook.de
pm.me posteo.de posteo.net proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com seznam.cz sfr.fr
sina.com t-online.de tuta.com tutanota.com tutanota.de verizon.net virgilio.it wanadoo.fr web.de wp.pl yahoo.co.in
yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net
ymail.com zoho.com
"""
PUBLIC_MAIL_DOMAINS = frozenset(_PROVIDERS.split())
FEWEST_LABELS = 2


def is_public(domain: str) -> bool:
    """Whether a domain, or one it lies below, is such a provider's, or a whole top-level domain."""
    labels = domain.lower().rstrip(".").split(".")
    above = (".".join(labels[start:]) for start in range(len(labels)))
    return len(labels) < FEWEST_LABELS or any(one in PUBLIC_MAIL_DOMAINS for one in above)
