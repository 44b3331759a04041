-- 009: when a fee was invoiced, and what the controller's lists and reports read by.

-- The report of a period asks what was invoiced in it. The trail says so too, but nothing reads a fact back out of the trail.
ALTER TABLE design_fees
ADD COLUMN invoiced_at bounded_timestamptz,
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT design_fees_invoiced_at_only_when_invoiced CHECK (invoiced_at IS NULL OR status <> 'pending');

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX design_fees_status_idx ON design_fees (status, project_id, payment_number);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_changeset_idx ON activity_log ((context ->> 'changeset_id'), id)
WHERE context ? 'changeset_id';

INSERT INTO schema_version (version, description)
VALUES (9, 'finance');
