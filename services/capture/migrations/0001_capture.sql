-- Who is who: each identifier belongs to one lead.
create table identities (
    kind    text not null check (kind in ('lead_id', 'email', 'phone', 'external_id')),
    value   text not null,   -- normalised; see domain/identity.py
    lead_id text not null,
    primary key (kind, value)
);
create index identities_lead on identities (lead_id);

-- What was accepted under an id of its sender's, so that a repeat is told apart.
create table submissions (
    kind          text not null check (kind in ('lead', 'signal', 'outcome', 'touch')),
    scope         text not null,   -- whose id it is: channel and source
    external_id   text not null,
    submission_id text not null,
    lead_id       text not null,
    primary key (kind, scope, external_id)
);
create index submissions_lead on submissions (lead_id);
