"""The server: on this machine only, on a port that is free, and stopped when told to."""

import re
import socket
import urllib.error
import urllib.request

import pytest
import requests

from annotations.review.app import address, answering, open_desk, serve
from tests.browser import serving
from tests.fake_desk import FakeDesk


def test_the_page_is_served_on_this_machine_and_can_be_stopped() -> None:
    with serving(FakeDesk()) as where:
        assert where.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(where) as answer:
            assert answer.status == 200
            assert "artist&#39;s-home museum" in answer.read().decode()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(where)


def test_the_port_of_the_address_is_the_one_that_is_allowed() -> None:
    with serving(FakeDesk()) as where:
        stranger = urllib.request.Request(where, headers={"Host": "127.0.0.1"})
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(stranger)
        assert refusal.value.code == 403
        refusal.value.close()


def test_whoever_comes_before_the_desk_is_told_to_wait_and_let_in_later() -> None:
    server = serve(None, 0)
    with answering(server):
        for path in ("", "row/classes/Q1", "classes?q=house"):
            answer = requests.get(address(server) + path, timeout=30)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert "Reading what the stages made" in answer.text
            assert '<meta http-equiv="refresh" content="1">' in answer.text
        style = re.search(r'href="/(static/[^"]+\.css)"', answer.text)
        assert style
        assert requests.get(address(server) + style[1], timeout=30).status_code == 200
        stranger = requests.get(address(server), headers={"Host": "elsewhere.example"}, timeout=30)
        assert stranger.status_code == 403
        open_desk(server, FakeDesk())
        let_in = requests.get(address(server), timeout=30)
    assert let_in.status_code == 200
    assert "artist&#39;s-home museum" in let_in.text
    assert "http-equiv" not in let_in.text


def test_it_listens_on_the_loopback_address_alone() -> None:
    server = serve(FakeDesk(), 0)
    assert server.socket.getsockname() == ("127.0.0.1", server.port)
    server.server_close()


def test_a_port_that_is_taken_is_an_error_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        serve(FakeDesk(), taken.getsockname()[1])


def test_the_port_that_is_asked_for_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = serve(FakeDesk(), port)
    assert address(server) == f"http://127.0.0.1:{port}/"
    server.server_close()


def test_requests_leave_no_line_in_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(FakeDesk()) as where:
        urllib.request.urlopen(where).close()
    assert capfd.readouterr() == ("", "")
