-- The function runs with the rights of its owner, whoever inserts the user.
alter function public.handle_new_user() security definer;
