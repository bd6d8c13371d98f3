-- What operators did to the installation itself, which is in no workspace's activity: plans, carriers' rates. Only ever added to.
CREATE TABLE operator_acts (
    act_id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    -- The operator as events name one.
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
) WITHOUT ROWID;
