"""The live services as one `Service`: each question goes to the service that answers it in the fewest requests."""

from collections.abc import Collection, Iterator
from typing import Any

from pipeline.wikimedia import action_api, sparql
from pipeline.wikimedia.client import Client
from pipeline.wikimedia.source import Question


class LiveService:
    """Wikidata's and Commons' Action APIs and a SPARQL endpoint, through one client."""

    def __init__(self, client: Client, wikidata: str, commons: str, sparql_endpoint: str) -> None:
        entities = action_api.EntityApi(client, wikidata)
        redirects = action_api.RedirectApi(client, commons)
        inverse = sparql.InverseLookup(client, sparql_endpoint)
        self._ask = {
            Question.ENTITY: (entities.by_id, wikidata),
            Question.CATEGORY: (entities.by_category, wikidata),
            Question.COMMONS_CATEGORY: (inverse.by_commons_category, sparql_endpoint),
            Question.MAIN_CATEGORY: (inverse.by_main_category, sparql_endpoint),
            Question.REDIRECT: (redirects.targets, commons),
        }

    def endpoint(self, question: Question) -> str:
        """Address of the service that answers the question."""
        return self._ask[question][1]

    def batch_size(self, question: Question) -> int:
        """50 keys for the Action APIs, 200 for SPARQL."""
        is_inverse = question in (Question.COMMONS_CATEGORY, Question.MAIN_CATEGORY)
        return sparql.MAX_KEYS if is_inverse else action_api.MAX_KEYS

    def ask(self, question: Question, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Answers with their keys."""
        return self._ask[question][0](keys)
