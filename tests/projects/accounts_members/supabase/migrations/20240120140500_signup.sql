create function public.setup_account()
returns trigger
language plpgsql
security definer set search_path = public
as $$
declare
    new_account_id uuid;
    wanted text := coalesce(new.raw_user_meta_data ->> 'company', 'Personal');
begin
    insert into accounts (name) values (wanted) returning id into new_account_id;

    insert into account_members (account_id, member, role)
    values (new_account_id, new.id, 'owner');

    insert into profiles (user_id, display_name, account_id)
    values (new.id, new.raw_user_meta_data ->> 'name', new_account_id);

    return new;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row execute function public.setup_account();

create function public.is_member(account uuid) returns boolean
language sql stable security definer set search_path = public as $$
    select exists (
        select 1 from account_members
        where account_members.account_id = account and member = (select auth.uid())
    )
$$;

alter table public.accounts enable row level security;
alter table public.account_members enable row level security;
create policy "members see the account" on public.accounts
    for select to authenticated using (public.is_member(id));
