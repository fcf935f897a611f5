-- How much each sender has sent on a day of theirs: `email:<address>`, `linkedin:<rep>`, `sms`.
-- Shared by all partitions, so written only under the row's lock.
create table sending_days (
    sender text not null,
    day    date not null,
    sent   int  not null,
    primary key (sender, day)
);

-- What the dry-run sender would have sent, one JSON line for each touch.
create table dry_run_outbox (
    touch_id text primary key,
    lead_id  text not null,
    at       timestamptz not null,
    line     text not null
);
create index dry_run_outbox_lead on dry_run_outbox (lead_id);

-- Erased leads: a send that was under way then must not write the person back.
create table dry_run_forgotten (
    lead_id text primary key,
    at      timestamptz not null
);

-- Both functions take the lead's lock, so that of a send and an erasure one sees what the other did.
create function keep_dry_run(p_touch text, p_lead text, p_due timestamptz, p_at timestamptz, p_line text)
returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('dry_run ' || p_lead, 0));
    if not exists (select from dry_run_forgotten where lead_id = p_lead and at >= p_due) then
        insert into dry_run_outbox (touch_id, lead_id, at, line) values (p_touch, p_lead, p_at, p_line)
        on conflict (touch_id) do update set at = excluded.at, line = excluded.line;
    end if;
end
$$;

create function forget_dry_run(p_lead text, p_at timestamptz)
returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('dry_run ' || p_lead, 0));
    insert into dry_run_forgotten (lead_id, at) values (p_lead, p_at)
    on conflict (lead_id) do update set at = greatest(dry_run_forgotten.at, excluded.at);
    delete from dry_run_outbox where lead_id = p_lead;
end
$$;
