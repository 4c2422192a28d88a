"""Where facts about categories, items and classes come from, and how they are read out of Wikibase entities."""
