"""A scheduled report is one mail to its recipient, with the table and the file, however often its event comes."""

from datetime import date
from email.message import EmailMessage

from shared.contracts.events import Envelope, ReportReady
from shared.kit.clock import new_id, utc_now
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

CSV = 'row,name,asked\r\ntotal,,4\r\nteam,"<b>Bänking</b>, all",4\r\n'


def ready(story: TicketEvents) -> Envelope:
    schedule = new_id()
    event = ReportReady(
        schedule_id=schedule,
        agent_id=story.ada,
        name="Weekly figures",
        report="csat",
        first_day=date(2026, 11, 16),
        last_day=date(2026, 11, 22),
        address="/reports/csat?by=team&tz=UTC",
        csv=CSV,
        made_at=utc_now(),
    )
    return event.envelope(f"report:{schedule}:2026-11-23:{story.ada}", utc_now())


async def test_a_report_is_mailed_once_with_its_table_and_file(service: Running, mail_server: MailServer) -> None:
    story, address = TicketEvents(), "ada-{}@everdesk.example"
    report = ready(story)
    await service.publish(*story.people(), report)
    await service.deliver_again(report)

    async def arrived() -> list[EmailMessage]:
        found = mail_server.to(address.format(story.number))
        assert found
        return found

    (mail,) = await eventually(arrived, within=15)
    assert mail["Subject"] == "Weekly figures, 2026-11-16 to 2026-11-22"
    assert mail["Auto-Submitted"] == "auto-generated"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("csat.csv", "text/csv")
    assert file.get_content() == CSV.replace("\r\n", "\n") or file.get_payload(decode=True) == CSV.encode()
    assert "&lt;b&gt;Bänking&lt;/b&gt;, all" in html_of(mail)
    assert "/reports/csat?by=team&tz=UTC" in text_of(mail)
    await service.deliver_again(report)
    await service.publish(ready(story))

    async def another() -> None:
        assert len(mail_server.to(address.format(story.number))) == 2, "the first was not sent again"

    await eventually(another, within=15)
