-- 017: what is said in one place: which projects are alive, how a date moves, how cents are rounded; one chosen GC, merged clients.

-- Work goes on in a project that is neither on hold nor completed, and whose client has not churned. Every listing, summary
-- and move that asks what is overdue, due or next asks this view.
CREATE VIEW live_projects WITH (security_invoker = true) AS
SELECT project.*
FROM projects AS project
JOIN clients AS client ON client.id = project.client_id
WHERE project.phase NOT IN ('on_hold', 'completed') AND client.status <> 'churned';

-- A date some working days later, or earlier if negative. When it moves later, a date on a weekend counts as the Friday before
-- it; earlier, as the Monday after. Some 0 days later it is the same date.
CREATE FUNCTION working_days_later(day date, working_days integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN working_days > 0 THEN working_day(working_days_before(day + 1) - 1 + working_days)
    WHEN working_days < 0 THEN working_day(working_days_before(day) + working_days)
    ELSE day
END;

-- The practice's day on which a moment lies: the one place that turns a time into a date.
CREATE FUNCTION day_of(moment timestamptz) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (moment AT TIME ZONE practice_time_zone())::date;

CREATE OR REPLACE FUNCTION today() RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN day_of(now());

-- Dollars and cents of an exact amount: half a cent is rounded to the even cent, as the tools round what they are given.
CREATE FUNCTION cents(amount numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(amount * 100 % 1) = 0.5 THEN round(round(amount * 50) / 50, 2) ELSE round(amount, 2) END;

-- Several general contractors are invited and compared; one of them is chosen. The rule is checked when a statement ends, so
-- that one statement takes the choice from one and gives it to another.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX project_trades_one_gc_key;

ALTER TABLE project_trades
ADD COLUMN is_chosen boolean NOT NULL DEFAULT false;

ALTER TABLE project_trades
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT project_trades_chosen_is_gc CHECK (NOT is_chosen OR role = 'gc');

ALTER TABLE project_trades
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT project_trades_one_chosen_gc_key
EXCLUDE USING btree (project_id WITH =) WHERE (is_chosen)
DEFERRABLE INITIALLY IMMEDIATE;

-- A client who was there twice: everything has moved to the one who is kept, and the merged id leads there.
ALTER TABLE clients
ADD COLUMN merged_into uuid;

ALTER TABLE clients
-- squawk-ignore constraint-missing-not-valid, adding-foreign-key-constraint
ADD CONSTRAINT clients_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES clients (id);

ALTER TABLE clients
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT clients_merged_into_another CHECK (merged_into <> id);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX clients_merged_into_idx ON clients (merged_into);

-- The client whom an id means: the one who is kept, if it was merged.
CREATE FUNCTION kept_client(client_id uuid) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT coalesce(merged_into, id) FROM clients WHERE id = kept_client.client_id);

INSERT INTO schema_version (version, description)
VALUES (17, 'one view of what is alive');
