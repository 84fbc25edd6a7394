-- Visits and alerts: append-only rows, each a revision of one event.
CREATE TABLE event (
    id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    supersedes BIGINT,
    seq BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    account BIGINT NOT NULL,
    device BIGINT NOT NULL,
    kind TEXT NOT NULL,
    geofence BIGINT,
    rule BIGINT,
    entered_at BIGINT,
    exited_at BIGINT,
    fix_time BIGINT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    value DOUBLE PRECISION,
    alarm TEXT,
    PRIMARY KEY (id, revision)
);
CREATE INDEX event_account ON event (account, seq, ordinal);
CREATE INDEX event_device ON event (device, seq, ordinal);

CREATE TABLE acknowledgement (
    alert TEXT NOT NULL PRIMARY KEY,
    acknowledged_by BIGINT NOT NULL,
    acknowledged_at BIGINT NOT NULL
);
