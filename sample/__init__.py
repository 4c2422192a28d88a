"""The embedded miniature world: real landmarks, Wikidata facts and drawn images, for `dvc repro` and the tests."""
