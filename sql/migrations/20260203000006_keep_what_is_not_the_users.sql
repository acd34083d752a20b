-- A user reads the profile and edits the name and the photo. The address and its confirmation are what auth.users says,
-- and the rest is the app's: the old policy let a user write all of it.

revoke all
    on public.users
    from anon, authenticated;

grant select
    on public.users
    to authenticated;

grant update (first_name, last_name, profile_photo_url)
    on public.users
    to authenticated;

-- the query in place of the call is evaluated once a statement, not once a row
alter policy "Users can read their own profile"
    on public.users
    to authenticated
    using (id = (select auth.uid()));

alter policy "Users can update their own profile"
    on public.users
    to authenticated
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));
