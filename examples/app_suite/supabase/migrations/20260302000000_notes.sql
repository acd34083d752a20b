-- Notes, which nobody but their owner sees. Without a profile there is no owner, and no note.

create table public.notes (
    id bigint generated always as identity primary key,
    owner uuid not null default auth.uid() references public.profiles (id) on delete cascade,
    body text not null check (body <> '')
);

create index notes_owner on public.notes (owner);

alter table public.notes enable row level security;

revoke all on table public.notes from anon, authenticated;
grant select, insert, delete on table public.notes to authenticated;

create policy "Users keep their own notes"
    on public.notes
    for all
    to authenticated
    using ((select auth.uid()) = owner)
    with check ((select auth.uid()) = owner);
