-- Denied attempts, merged for each user, operation, reason and minute.
CREATE TABLE denials (
    minute BIGINT NOT NULL, account BIGINT NOT NULL, user_id BIGINT NOT NULL, operation TEXT NOT NULL, reason TEXT NOT NULL,
    attempts BIGINT NOT NULL, PRIMARY KEY (minute, account, user_id, operation, reason)
);
CREATE INDEX denials_of_account ON denials (account, minute);
