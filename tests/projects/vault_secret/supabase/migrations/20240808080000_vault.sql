create extension if not exists "pgsodium";
create extension if not exists "supabase_vault" with schema "vault";

select vault.create_secret('not-the-real-one', 'email_pepper', 'peppers the hashes of addresses');
