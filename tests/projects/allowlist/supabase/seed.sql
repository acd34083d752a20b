insert into public.allowed_domains (domain) values ('example.com'), ('example.org');
