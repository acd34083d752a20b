insert into public.plans (id, name, seats) values
    ('free', 'Free', 3),
    ('pro', 'Pro', 25);
