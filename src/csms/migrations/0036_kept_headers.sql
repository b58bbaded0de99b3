-- Answers that are given again under an idempotency key have the headers of the first: where the thing is that was made.

ALTER TABLE given_answers ADD COLUMN headers TEXT NOT NULL DEFAULT '{}';
