-- 014: one meaning of today, the day in the practice's time zone, for every tool, every process and psql.

-- This function is the setting, and studio-data time-zone replaces it. It belongs to the schema, so each studio has its own,
-- a dump takes it along, and no session or environment means another day. The planner puts the zone in line, as it would not
-- with a table's row.
CREATE FUNCTION practice_time_zone() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN 'UTC';

CREATE FUNCTION today() RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (now() AT TIME ZONE practice_time_zone())::date;

-- The moment at which a day of the practice begins. It ends where the next one begins.
CREATE FUNCTION start_of_day(day date) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN day::timestamp AT TIME ZONE practice_time_zone();

-- A budget's usage belongs to its last day. That day may lie ahead of today after the time zone was changed: it goes on.
CREATE FUNCTION used_today(last_day date, usage numeric) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN last_day >= today() THEN usage ELSE 0 END;

ALTER TABLE agent_settings
ALTER COLUMN last_reset_date SET DEFAULT today();

INSERT INTO schema_version (version, description)
VALUES (14, 'today');
