-- A trigger runs its function whoever inserts: PostgreSQL asks for EXECUTE when the trigger is created, not when it
-- fires. So nobody needs the right to call these functions, and nobody keeps it.

revoke execute
    on function
        public.handle_new_user(),
        public.handle_user_update(),
        public.handle_user_soft_delete()
    from public, anon, authenticated, service_role;
