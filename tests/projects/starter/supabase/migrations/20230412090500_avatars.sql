insert into storage.buckets (id, name, public)
values ('avatars', 'avatars', true)
on conflict (id) do nothing;

create policy "Avatars are for everybody to see." on storage.objects
  for select using (bucket_id = 'avatars');

create policy "People put pictures into a folder of their own." on storage.objects
  for insert to authenticated
  with check (
    bucket_id = 'avatars'
    and (storage.foldername(name))[1] = auth.uid()::text
    and lower(storage.extension(name)) in ('png', 'jpg', 'webp')
    and length(storage.filename(name)) < 200
  );

create policy "People replace their own pictures." on storage.objects
  for update to authenticated
  using (bucket_id = 'avatars' and owner = auth.uid());
