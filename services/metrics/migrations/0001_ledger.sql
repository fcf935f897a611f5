-- One row per lead, rewritten from the lead's folded state. Nothing in it names a person.
create table ledger (
    lead_id        text primary key,
    partition      int not null,
    mode           text not null check (mode in ('live', 'history', 'shadow')),
    channel        text,
    source         text,
    first_band     text,
    band           text,
    qualification  text,
    team           text,
    rep            text,
    captured_at    timestamptz,
    enriched_at    timestamptz,
    scored_at      timestamptz,
    mql_at         timestamptz,
    assigned_at    timestamptz,
    accepted_at    timestamptz,
    touched_at     timestamptz,  -- first automatic message
    contacted_at   timestamptz,  -- first contact by a person
    meeting_at     timestamptz,
    sql_at         timestamptz,
    opportunity_at timestamptz,
    won_at         timestamptz,
    lost_at        timestamptz,
    value          numeric,
    currency       text,
    submissions    int not null,
    signals        int not null,
    touches        int not null,
    escalations    int not null
);
create index ledger_captured on ledger (captured_at);

-- One row per SLA deadline of a submission; another when its clock starts anew.
create table sla_clocks (
    lead_id       text not null references ledger on delete cascade,
    submission_id text not null,
    sla           text not null check (sla in ('owned', 'contacted')),
    channel       text not null,
    band          text not null,
    team          text,
    rep           text,
    captured_at   timestamptz not null,
    started_at    timestamptz not null,
    deadline      timestamptz not null,
    status        text not null check (status in ('open', 'met', 'breached', 'cancelled')),
    seconds       double precision,
    primary key (lead_id, submission_id, sla, started_at)
);
create index sla_clocks_captured on sla_clocks (captured_at);

-- Counts that belong to no lead. Partition first: only its owner writes a row, so no two workers wait for each other.
create table rejections (
    partition int not null,
    day       date not null,
    channel   text not null,
    reason    text not null,
    count     bigint not null,
    primary key (partition, day, channel, reason)
);

create table dead_letters (
    partition int not null,
    day       date not null,
    service   text not null,
    step      text not null,
    reason    text not null,
    count     bigint not null,
    primary key (partition, day, service, step, reason)
);

-- How many leads have reached each stage, kept up to date with the ledger; the gauges read it.
create table stage_counts (
    partition int not null,
    stage     text not null,
    channel   text not null,
    band      text not null,
    leads     bigint not null,
    primary key (partition, stage, channel, band)
);
