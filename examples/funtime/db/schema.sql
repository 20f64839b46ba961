-- FunTime: what there is to ride, and who rode it when.

CREATE TABLE attraction (
    id          integer PRIMARY KEY,
    name        text    NOT NULL UNIQUE,
    area        text    NOT NULL,
    min_height  integer NOT NULL CHECK (min_height BETWEEN 0 AND 200), -- centimetres
    opened      date    NOT NULL
);

CREATE TABLE visitor (
    id   integer PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE ride (
    id            integer PRIMARY KEY,
    attraction_id integer     NOT NULL REFERENCES attraction,
    visitor_id    integer     NOT NULL REFERENCES visitor,
    ridden_at     timestamptz NOT NULL,
    waited        integer     NOT NULL CHECK (waited >= 0), -- minutes
    stars         integer     NOT NULL CHECK (stars BETWEEN 1 AND 5)
);

CREATE INDEX ride_attraction ON ride (attraction_id);
