-- Who and what exists. BIGINT: numbers, 0/1, microseconds of UTC. A state of a grant: -1 active, -2 forgotten, else the place at which it ended.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE tariffs (id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, history BIGINT NOT NULL);

CREATE TABLE accounts (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
    default_tariff BIGINT NOT NULL REFERENCES tariffs (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE roles (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL, rights TEXT NOT NULL, history_window BIGINT, version BIGINT NOT NULL
);

CREATE TABLE users (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    email TEXT NOT NULL, name TEXT NOT NULL, surname TEXT NOT NULL, phone TEXT NOT NULL,
    access TEXT NOT NULL, categories TEXT NOT NULL,
    role BIGINT REFERENCES roles (id) DEFERRABLE INITIALLY DEFERRED,
    all_geofences BIGINT, all_places BIGINT,
    disabled BIGINT NOT NULL, version BIGINT NOT NULL,
    UNIQUE (account, email)
);

CREATE TABLE secrets (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, hash TEXT NOT NULL
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    created_at BIGINT NOT NULL, used_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE devices (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    generation BIGINT NOT NULL, identifier TEXT NOT NULL UNIQUE, name TEXT NOT NULL, model TEXT NOT NULL,
    tariff BIGINT NOT NULL REFERENCES tariffs (id) DEFERRABLE INITIALLY DEFERRED,
    disabled BIGINT NOT NULL, platform_settings TEXT NOT NULL, hardware_settings TEXT NOT NULL,
    work_status TEXT, outputs TEXT NOT NULL, created_by BIGINT NOT NULL, version BIGINT NOT NULL
);

CREATE TABLE geofences (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL, shape TEXT NOT NULL, dwell_s BIGINT NOT NULL, created_by BIGINT NOT NULL, version BIGINT NOT NULL
);

CREATE TABLE places (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL, address TEXT NOT NULL, latitude DOUBLE PRECISION NOT NULL, longitude DOUBLE PRECISION NOT NULL,
    radius_m DOUBLE PRECISION NOT NULL, created_by BIGINT NOT NULL, version BIGINT NOT NULL
);

CREATE TABLE rules (
    id BIGINT PRIMARY KEY, public_id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL, kind TEXT NOT NULL, devices TEXT NOT NULL, geofences TEXT NOT NULL, schedule TEXT NOT NULL,
    enabled BIGINT NOT NULL, created_by BIGINT NOT NULL, version BIGINT NOT NULL
);

-- Public ids of what is gone: what was recorded of it still names it.
CREATE TABLE gone (kind TEXT NOT NULL, id BIGINT NOT NULL, public_id TEXT NOT NULL, PRIMARY KEY (kind, id));

CREATE TABLE device_grants (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    device BIGINT NOT NULL, PRIMARY KEY (user_id, device)
);
CREATE TABLE geofence_grants (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    geofence BIGINT NOT NULL, state BIGINT NOT NULL, PRIMARY KEY (user_id, geofence)
);
CREATE TABLE place_grants (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    place BIGINT NOT NULL, state BIGINT NOT NULL, PRIMARY KEY (user_id, place)
);

-- What a version changed: the state before it, so that older versions are had by going back from the newest.
CREATE TABLE definition_versions (
    version BIGINT NOT NULL, kind TEXT NOT NULL, object BIGINT NOT NULL, before TEXT, PRIMARY KEY (version, kind, object)
);

-- Every change, who made it, and what it was about.
CREATE TABLE audit (
    epoch BIGINT NOT NULL, ordinal BIGINT NOT NULL, at BIGINT NOT NULL, account BIGINT, actor BIGINT,
    action TEXT NOT NULL, object TEXT, before TEXT NOT NULL, after TEXT NOT NULL, PRIMARY KEY (epoch, ordinal)
);
CREATE INDEX audit_of_account ON audit (account, epoch, ordinal);
