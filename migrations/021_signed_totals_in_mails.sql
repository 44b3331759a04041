-- 021: a mail about the final selections shows what the client has signed, not what the rooms come to now.

UPDATE email_templates
SET body_template = replace(
    body_template,
    'your Exhibit B total is {{ project.exhibit_b_total }}',
    'the Exhibit B that you signed comes to {{ project.exhibit_b_signed }}'
)
WHERE name = 'Final selections for approval';

INSERT INTO schema_version (version, description)
VALUES (21, 'signed totals in mails');
