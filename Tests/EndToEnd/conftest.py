import itertools
import os
import uuid

import pytest

import broker as harness
import clients


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="leave out the tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--quick"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of every broker it used."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            for each in value.made if isinstance(value, Brokers) else [value]:
                if isinstance(each, harness.Broker):
                    report.sections.append((f"broker log ({name})", each.log()[-8000:]))


class Brokers:
    """Makes brokers for one test and ends each of them, by pid, whatever happened."""

    def __init__(self, directory):
        self.directory = directory
        self.made = []

    def __call__(self, text=None, start=True, open_files=None):
        made = harness.Broker(self.directory / f"broker-{len(self.made)}", text, open_files)
        self.made.append(made)
        return made.start() if start else made

    def close(self):
        for each in self.made:
            if each.process is not None:
                each.stop(timeout=10)


@pytest.fixture
def brokers(tmp_path):
    if os.environ.get("E2E_BOOTSTRAP"):
        pytest.skip("needs a broker it can restart")
    made = Brokers(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One broker with the default chain for every test that leaves it as it was. It must survive them all."""
    outside = os.environ.get("E2E_BOOTSTRAP")
    if outside:
        yield harness.External(outside)
        return
    made = harness.Broker(tmp_path_factory.mktemp("shared"), harness.yaml(topics={"num.partitions": 1}))
    made.start()
    yield made
    code = made.stop()
    assert code == 0, f"the shared broker left with {code}; its log ends:\n{made.log()[-4000:]}"


@pytest.fixture
def broker(shared):
    assert shared.alive(), "an earlier test killed the shared broker"
    yield shared
    assert shared.alive(), f"this test killed the shared broker; its log ends:\n{shared.log()[-4000:]}"


_counter = itertools.count()


@pytest.fixture
def topic(request):
    """A name no other test uses; says which test it belongs to when it turns up in a log."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:60]
    return f"{name}-{next(_counter)}-{uuid.uuid4().hex[:6]}"


@pytest.fixture(params=sorted(clients.ALL))
def client(request):
    return clients.ALL[request.param]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    import corpus as source
    return source.load()
