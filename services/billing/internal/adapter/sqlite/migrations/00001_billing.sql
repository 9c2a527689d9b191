-- +goose Up
-- Dates are text, YYYY-MM-DD: that sorts by time. Amounts are integers in the currency's minor unit.
CREATE TABLE customers (
	id         TEXT    NOT NULL PRIMARY KEY,
	name       TEXT    NOT NULL,
	zone       TEXT    NOT NULL,
	terms_days INTEGER NOT NULL CHECK (terms_days BETWEEN 0 AND 180)
) STRICT;

CREATE TABLE subscriptions (
	id          TEXT    NOT NULL PRIMARY KEY,
	customer_id TEXT    NOT NULL REFERENCES customers (id),
	plan        TEXT    NOT NULL,
	price       INTEGER NOT NULL CHECK (price > 0),
	currency    TEXT    NOT NULL,
	period      TEXT    NOT NULL CHECK (period IN ('monthly', 'quarterly', 'yearly')),
	anchor_day  INTEGER NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
	start_on    TEXT    NOT NULL,
	cancel_on   TEXT,
	next_period INTEGER NOT NULL CHECK (next_period >= 0),
	next_start  TEXT    -- follows from the columns above; null once nothing more is to be billed
) STRICT;

CREATE INDEX subscriptions_customer ON subscriptions (customer_id);
CREATE INDEX subscriptions_next ON subscriptions (next_start, id) WHERE next_start IS NOT NULL;

CREATE TABLE invoices (
	id              TEXT    NOT NULL PRIMARY KEY,
	subscription_id TEXT    NOT NULL REFERENCES subscriptions (id),
	customer_id     TEXT    NOT NULL REFERENCES customers (id),
	plan            TEXT    NOT NULL,
	amount          INTEGER NOT NULL CHECK (amount > 0),
	currency        TEXT    NOT NULL,
	period_start    TEXT    NOT NULL,
	period_end      TEXT    NOT NULL,
	issued_on       TEXT    NOT NULL,
	due_on          TEXT    NOT NULL,
	zone            TEXT    NOT NULL,
	state           TEXT    NOT NULL CHECK (state IN ('open', 'overdue', 'paid', 'void')),
	issued_run      TEXT    NOT NULL, -- the job run that wrote the row; empty when it was no job
	overdue_run     TEXT,             -- the job run that found it overdue
	UNIQUE (subscription_id, period_start)
) STRICT;

CREATE INDEX invoices_customer ON invoices (customer_id);
CREATE INDEX invoices_open ON invoices (due_on, id) WHERE state = 'open';

-- +goose Down
DROP TABLE invoices;
DROP TABLE subscriptions;
DROP TABLE customers;
