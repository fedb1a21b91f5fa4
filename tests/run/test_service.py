"""`specs/service.yaml`, as its first lines say: left to itself, used by `exec`, its log read, its end."""

from __future__ import annotations

from tests import tools
from tests.kernel_side.specs import fresh
from tests.product import Product
from tests.run import detached
from tests.run.boxes import eventually

ASK = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/hello.yaml').status)"


def test_a_service_on_a_network_of_its_own(product: Product) -> None:
    tools.need("python3")
    spec = fresh(product, "service.yaml")
    with detached.place(product) as place:
        done = place.run("up", "-d", spec)
        assert (done.returncode, done.stdout, done.stderr) == (0, "service\n", "")
        eventually(lambda: "Serving HTTP" in place.run("logs", "service").stdout)
        asked = place.run("exec", "service", "--", "python3", "-c", ASK)
        assert (asked.returncode, asked.stdout) == (0, "200\n"), asked.stderr
        assert '"GET /hello.yaml HTTP/1.1" 200' in place.run("logs", "service").stderr
        assert place.ps()["service"]["state"] == "running"
        assert place.run("stop", "service").returncode == 0
        assert place.run("wait", "service").returncode == 0
        assert place.run("down", "service").returncode == 0
        assert place.ps() == {}
