"""A polite HTTP client for Wikimedia's services: one request at a time, below a rate, patient, and clear when it stops.

For the services of this package. What a service says about waiting is obeyed, whichever way it says it: a status, a
Retry-After header, an error inside HTTP 200, or a body that was cut.
"""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util.retry import Retry

from pipeline.errors import InputError

TIMEOUTS_S = (10.0, 70.0)  # to connect, and between two bytes; the services cut a query at 60 s
REQUESTS_PER_MINUTE = 150
MAX_ERRORS = 12  # in a row, for one request
MAX_WAITS = 60  # times that a service may ask us to wait, for one request
MIN_WAIT_S = 5.0
GET_URL_BYTES = 4000  # longer ones are posted; the services refuse URLs above 8 kB
_WAIT_IN_WORDS = re.compile(r"retry in (\d+) seconds")
_RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})


class NotNowError(Exception):
    """A failure that passes; `wait_s` is what the service asked for, None when it did not say."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class Pace:
    """A token bucket of one token: no two requests are closer than the rate allows."""

    def __init__(self, per_minute: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval, self._clock, self._sleep = 60 / per_minute, clock, sleep
        self._next = float("-inf")

    def wait(self) -> None:
        """Wait for the next token and take it."""
        while (left := self._next - self._clock()) > 0:
            self._sleep(left)
        self._next = self._clock() + self._interval


class Client:
    """Sends requests and returns what `read` makes of the response."""

    def __init__(
        self,
        user_agent: str,
        per_minute: float = REQUESTS_PER_MINUTE,
        timeouts: tuple[float, float] = TIMEOUTS_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
        self._timeouts, self._sleep = timeouts, sleep
        self._pace = Pace(per_minute, clock, sleep)
        self._one_at_a_time = threading.Lock()

    def call(self, url: str, form: dict[str, str], read: Callable[[requests.Response], Any], post: bool = False) -> Any:
        """Send one request, by GET when it is short unless `post`, until `read` accepts the answer.

        Args:
            url: the service.
            form: query or form fields.
            read: turns the response into the result; raises `NotNowError` for what should be tried again.
            post: always POST.

        Raises:
            InputError: the service refuses for good, or for longer than our patience.
        """
        # Backoff doubles with every error in a row, with jitter; urllib3 does the arithmetic, waiting is ours.
        errors = Retry(total=MAX_ERRORS, backoff_factor=1, backoff_max=120, backoff_jitter=1)
        waits = Retry(total=MAX_WAITS)
        with self._one_at_a_time:
            while True:
                self._pace.wait()
                try:
                    return read(self._send(url, form, post))
                except NotNowError as not_now:
                    try:
                        if not_now.wait_s is None:
                            errors = errors.increment("POST", url)
                            self._sleep(errors.get_backoff_time())
                        else:
                            waits = waits.increment("POST", url)
                            self._sleep(not_now.wait_s)
                    except MaxRetryError:
                        remedy = "run the command again later; what was answered so far is kept"
                        raise InputError(url, f"gave up after many tries, the last said: {not_now}", remedy) from None

    def _send(self, url: str, form: dict[str, str], post: bool) -> requests.Response:
        prepared = self._session.prepare_request(requests.Request("GET", url, params=form))
        if post or len(prepared.url or "") > GET_URL_BYTES:
            prepared = self._session.prepare_request(requests.Request("POST", url, data=form))
        try:
            response = self._session.send(prepared, timeout=self._timeouts)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise NotNowError(str(error)) from error
        except requests.exceptions.ContentDecodingError as error:
            raise NotNowError(f"a damaged body ({error})") from error
        check_status(response)
        return response


def check_status(response: requests.Response) -> None:
    """Pass a response with status 200; otherwise say whether to wait or to stop.

    Raises:
        NotNowError: the service is busy.
        InputError: it refuses us, with the remedy.
    """
    status, text = response.status_code, response.text[:2000]
    if status == 200:
        return
    if status in _RETRY_STATUSES:
        raise NotNowError(f"HTTP {status}", wait_asked_for(response))
    where = response.url.split("?")[0]
    if status == 403 and "banned until" in text:
        until = text.split("banned until", 1)[1].split()[0].strip(".,<")
        raise InputError(where, f"this address is banned until {until}", f"stop, and go on after {until}")
    if status == 403:
        what = "refused (HTTP 403): the services know no operator behind these requests, or blocked them"
        remedy = "check that HGLD_CONTACT is a mail address or page of yours; if it is, write to noc@wikimedia.org"
        raise InputError(where, what, remedy)
    raise InputError(where, f"HTTP {status}", "check the endpoints in params.yaml")


def wait_asked_for(response: requests.Response) -> float | None:
    """Seconds to wait by the Retry-After header or the words of the body, at least five; None when neither says."""
    in_words = _WAIT_IN_WORDS.search(response.text[:2000])
    header = response.headers.get("Retry-After") or (in_words and in_words[1])
    if not header:
        return None
    try:
        return max(MIN_WAIT_S, Retry().parse_retry_after(header))
    except InvalidHeader:
        return MIN_WAIT_S
