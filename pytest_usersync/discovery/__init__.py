"""How the sync under test is understood: by signing up, changing one value, and watching."""
