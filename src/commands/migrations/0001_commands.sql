-- Commands to devices, and what became of them.
CREATE TABLE command (
    id TEXT NOT NULL PRIMARY KEY,
    -- In the order in which they were given.
    number BIGINT NOT NULL UNIQUE,
    account BIGINT NOT NULL,
    device BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    sent_by BIGINT NOT NULL,
    action TEXT NOT NULL,
    command TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    recorded BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    state_at BIGINT NOT NULL,
    -- How the answer is known: -2 not sent yet, -1 there is none, -3 the next one, else the number it carries.
    tag BIGINT NOT NULL,
    answer TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX command_of_device ON command (account, device, number);
CREATE INDEX command_in_state ON command (state);
