-- 020: listings begin with what is most urgent: action items and fees by their due dates. Vendors and trades that are there
-- already are found by name, e-mail and phone.

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX meeting_action_items_assigned_to_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_assigned_to_idx ON meeting_action_items (lower(assigned_to), due_date, id)
WHERE assigned_to IS NOT NULL;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX meeting_action_items_open_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_open_idx ON meeting_action_items (due_date, id) WHERE status IN ('open', 'in_progress');
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_due_date_idx ON meeting_action_items (due_date, id);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX design_fees_due_at_idx ON design_fees (due_at, id);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX vendors_name_idx ON vendors (lower(name));
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX vendors_email_idx ON vendors (lower(email)) WHERE email IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX vendors_phone_digits_idx ON vendors (right(phone_digits(phone), 7)) WHERE phone IS NOT NULL;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX trades_name_idx ON trades (lower(name));
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX trades_email_idx ON trades (lower(email)) WHERE email IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX trades_phone_digits_idx ON trades (right(phone_digits(phone), 7)) WHERE phone IS NOT NULL;

INSERT INTO schema_version (version, description)
VALUES (20, 'listings');
