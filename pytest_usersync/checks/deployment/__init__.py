"""The migrations apply, and apply as the Supabase CLI would apply them."""
