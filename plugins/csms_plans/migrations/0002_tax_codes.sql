-- The HSN or SAC of what a period costs, as it was sold.
ALTER TABLE plugin_plans_periods ADD COLUMN tax_code TEXT NOT NULL DEFAULT '';
