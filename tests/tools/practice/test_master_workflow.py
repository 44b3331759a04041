"""002_workflow_templates.sql: the practice's master list and its e-mails."""

import re

from studio_data import db

PLACEHOLDERS = {
    "client.name", "project.name", "project.address", "project.project_type", "project.investment_estimate",
    "project.exhibit_b_total", "meeting.date", "fee.label", "fee.amount", "fee.due_date", "recipient.name", "sender.name",
    "project.exhibit_b_signed",
}  # fmt: skip

OF_THE_CLIENTS_MONEY = {
    "project.exhibit_b_total", "project.exhibit_b_signed", "project.investment_estimate", "fee.amount",
}  # fmt: skip


def test_there_are_160_tasks_and_25_of_them_are_for_renovations_only() -> None:
    assert db.one(
        """
        SELECT count(*) AS tasks, count(*) FILTER (WHERE is_renovation_only) AS renovation_only,
            count(DISTINCT name) AS names, count(description) AS described, count(duration_days) AS with_duration
        FROM workflow_templates
        """
    ) == {"tasks": 160, "renovation_only": 25, "names": 160, "described": 160, "with_duration": 160}


def test_each_of_the_five_phases_counts_its_tasks_without_a_hole() -> None:
    phases = db.many(
        """
        SELECT phase, count(*) AS tasks, min(task_order) AS first, max(task_order) AS last
        FROM workflow_templates
        GROUP BY phase
        ORDER BY phase
        """
    )

    assert [row["phase"] for row in phases] == [
        "conceptual_design", "detailed_design", "purchasing", "construction", "reveal_punch_list",
    ]  # fmt: skip
    assert all(row["first"] == 1 and row["last"] == row["tasks"] >= 20 for row in phases)


def test_the_weekly_work_is_marked_as_recurring() -> None:
    names = [row["name"] for row in db.many("SELECT name FROM workflow_templates WHERE is_recurring")]

    assert sum("weekly client update" in name for name in names) >= 3
    assert any("order" in name for name in names)
    assert len(names) < 20


def test_every_e_mail_is_attached_to_a_task() -> None:
    assert db.one("SELECT count(*) AS n FROM email_templates")["n"] in range(18, 25)
    assert (
        db.many(
            """
            SELECT name FROM email_templates AS email
            WHERE NOT EXISTS (SELECT FROM workflow_templates WHERE email_template_id = email.id)
            """
        )
        == []
    )


def test_the_e_mails_use_known_placeholders_only_and_keep_client_and_trade_apart() -> None:
    for email in db.many("SELECT name, subject_template, body_template FROM email_templates"):
        text = email["subject_template"] + email["body_template"]
        used = set(re.findall(r"{{ ([a-z_.]+) }}", text))
        assert used <= PLACEHOLDERS, email["name"]
        assert text.count("{") == text.count("}") == 2 * len(re.findall(r"{{ [a-z_.]+ }}", text)), email["name"]
        assert ("client.name" in used) != ("recipient.name" in used), email["name"]
        if "recipient.name" in used:
            for_clients = {
                "project.exhibit_b_total",
                "project.exhibit_b_signed",
                "project.investment_estimate",
                "fee.amount",
            }
            assert not used & for_clients, email["name"]


def test_what_asks_for_money_or_a_signature_is_reviewed_by_a_person_first() -> None:
    unreviewed = db.many(
        "SELECT name FROM email_templates WHERE NOT requires_review AND body_template ~ '(fee[.]|exhibit_b_)'"
    )
    assert unreviewed == []
