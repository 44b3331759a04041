-- 012: no index that no query reads: five served only the deletion of what is never deleted, two were never the cheaper way.

-- Nothing looks these up: vendors, trades, benchmarks and e-mail templates stay, so that nobody asks who refers to them.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX line_items_benchmark_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX line_items_selected_vendor_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX vendor_quotes_vendor_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX project_trades_trade_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX workflow_templates_email_template_id_idx;

-- What is open is listed in the order of its ids. An index by status or date leaves that to a sort, so the primary key was read
-- instead, past all that is over. These hold only what is open, in that order.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX purchase_orders_status_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX purchase_orders_open_idx ON purchase_orders (id)
WHERE status IN ('draft', 'submitted', 'acknowledged', 'in_production', 'shipped');

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX meeting_action_items_due_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_open_idx ON meeting_action_items (id)
WHERE status IN ('open', 'in_progress');

INSERT INTO schema_version (version, description)
VALUES (12, 'unused indexes');
