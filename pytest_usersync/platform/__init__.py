"""The simulated Supabase: roles, schemas and extensions of a project's database."""
