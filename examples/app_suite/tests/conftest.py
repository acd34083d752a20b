from __future__ import annotations

import pytest
from hypothesis import settings

from pytest_usersync import SupabaseAuth, User

settings.register_profile("app", max_examples=25, deadline=None)
settings.load_profile("app")


@pytest.fixture
def ada(supabase_auth: SupabaseAuth) -> User:
    return supabase_auth.sign_up("ada@example.com", data={"full_name": "Ada"})


@pytest.fixture
def bob(supabase_auth: SupabaseAuth) -> User:
    return supabase_auth.sign_up_phone("15550001111", data={"full_name": "Bob"})
