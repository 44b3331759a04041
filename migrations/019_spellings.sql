-- 019: one thing in several spellings is found: categories and people in any case, phone numbers by their digits.

-- The digits of a phone number, without an extension: "+1 (913) 555-0142 ext. 5" is 19135550142.
CREATE FUNCTION phone_digits(phone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(phone, '(x|ext|#).*$', '', 'i'), '[^0-9]', '', 'g');

-- A number is looked for by its last digits, since only some people write the country's before them.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX clients_phone_digits_idx ON clients (right(phone_digits(phone), 7)) WHERE phone IS NOT NULL;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX vendors_category_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX vendors_category_idx ON vendors (lower(category), id);

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX trades_specialty_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX trades_specialty_idx ON trades (lower(specialty), id);

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX project_tasks_assigned_to_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX project_tasks_assigned_to_idx ON project_tasks (lower(assigned_to), id) WHERE assigned_to IS NOT NULL;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX meeting_action_items_assigned_to_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_assigned_to_idx ON meeting_action_items (lower(assigned_to), id)
WHERE assigned_to IS NOT NULL;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX pricing_benchmarks_category_idx ON pricing_benchmarks (lower(category), id);

INSERT INTO schema_version (version, description)
VALUES (19, 'spellings');
