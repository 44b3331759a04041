-- 016: sums that follow their rows, and what a signature covers.

-- Estimates --------------------------------------------------------------------------------------------------------

-- An item keeps the freight factor with which it was estimated, as it keeps the price: a benchmark that changes later changes
-- no estimate that a client has been told.
ALTER TABLE line_items
ADD COLUMN estimated_freight_factor freight_fraction NOT NULL DEFAULT 0.18;

UPDATE line_items
SET estimated_freight_factor = benchmark.freight_factor
FROM pricing_benchmarks AS benchmark
WHERE benchmark.id = line_items.benchmark_id AND benchmark.freight_factor <> 0.18;

-- A room's estimate follows its line items, unless somebody has given a figure. Without an item that has a price it is unknown.
ALTER TABLE project_rooms
ADD COLUMN estimate_from_items boolean NOT NULL DEFAULT false;

ALTER TABLE project_rooms
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT project_rooms_estimate_from_items_is_known CHECK (investment_estimate IS NOT NULL OR NOT estimate_from_items);

CREATE FUNCTION room_estimate(room_id uuid) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT round(sum(quantity * estimated_unit_price * (1 + estimated_freight_factor)), 2)
    FROM line_items
    WHERE line_items.room_id = room_estimate.room_id
);

UPDATE project_rooms
SET investment_estimate = room_estimate(id), estimate_from_items = true
WHERE coalesce(investment_estimate, room_estimate(id)) = room_estimate(id);

-- A project's figure from its creation counts until a room has an amount, and again when none has one any more.
ALTER TABLE projects
ADD COLUMN estimate_at_creation dollars;

UPDATE projects
SET estimate_at_creation = investment_estimate
WHERE NOT EXISTS (
    SELECT FROM project_rooms
    WHERE project_rooms.project_id = projects.id AND project_rooms.investment_estimate IS NOT NULL
);

CREATE FUNCTION project_estimate(project projects) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    (SELECT sum(investment_estimate) FROM project_rooms WHERE project_rooms.project_id = project.id),
    project.estimate_at_creation
);

CREATE FUNCTION project_exhibit_b(project_id uuid) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT sum(exhibit_b_amount) FROM project_rooms WHERE project_rooms.project_id = project_exhibit_b.project_id
);

UPDATE projects
SET investment_estimate = project_estimate(projects), exhibit_b_total = project_exhibit_b(id)
WHERE (investment_estimate, exhibit_b_total) IS DISTINCT FROM (project_estimate(projects), project_exhibit_b(id));

-- Signatures -------------------------------------------------------------------------------------------------------

-- What an Exhibit B covers: the rooms' amounts on the day on which it was registered, by room, as text. The newest version counts.
ALTER TABLE documents
ADD COLUMN covers bounded_jsonb;

ALTER TABLE documents
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT documents_covers_amounts_of_exhibit_b CHECK (covers IS NULL OR doc_type = 'exhibit_b');

CREATE FUNCTION exhibit_b_amounts(project_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(id, exhibit_b_amount::text), '{}')
    FROM project_rooms
    WHERE project_rooms.project_id = exhibit_b_amounts.project_id AND exhibit_b_amount IS NOT NULL
);

CREATE FUNCTION exhibit_b_covers(project_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT covers
    FROM documents
    WHERE documents.project_id = exhibit_b_covers.project_id AND doc_type = 'exhibit_b'
    ORDER BY version DESC
    LIMIT 1
);

-- Nobody recorded what an Exhibit B covers that was written past the tools: it is taken as it was before this migration.
CREATE FUNCTION exhibit_b_is_signed(project_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM documents
    WHERE documents.project_id = exhibit_b_is_signed.project_id AND doc_type = 'exhibit_b'
) AND coalesce(
    exhibit_b_covers(exhibit_b_is_signed.project_id) = exhibit_b_amounts(exhibit_b_is_signed.project_id), true
);

-- Until now every change of an amount counted as signed. From now on a signature covers what it does today.
UPDATE documents
SET covers = exhibit_b_amounts(project_id)
WHERE doc_type = 'exhibit_b'
    AND version = (
        SELECT max(version) FROM documents AS newest
        WHERE newest.project_id = documents.project_id AND newest.doc_type = 'exhibit_b'
    );

INSERT INTO schema_version (version, description)
VALUES (16, 'sums and signatures');
